-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    `t15`.`deployment`,
    `t15`.`hour`,
    `t15`.`day`,
    `t15`.`use_case`,
    `t15`.`tenant`,
    `t15`.`model`,
    `t15`.`arm`,
    `t15`.`fate`,
    BOOL_OR(`t15`.`was_used` IS NOT NULL) AS `measurable`,
    COUNT(*) AS `predictions`,
    SUM(CAST(`t15`.`status` = 'answered' AS BIGINT)) AS `answered`,
    SUM(CAST(`t15`.`status` = 'cached' AS BIGINT)) AS `cached`,
    SUM(CAST(`t15`.`status` = 'fallback' AS BIGINT)) AS `fallback`,
    SUM(CAST(`t15`.`status` = 'refused' AS BIGINT)) AS `refused`,
    SUM(CAST(`t15`.`status` = 'failed' AS BIGINT)) AS `failed`,
    SUM(CAST(`t15`.`status` = 'cancelled' AS BIGINT)) AS `cancelled`,
    SUM(CAST(`t15`.`in_budget` AS BIGINT)) AS `in_budget`,
    SUM(CAST(COALESCE(`t15`.`was_used`, FALSE) AS BIGINT)) AS `used`,
    SUM(CAST(`t15`.`unpriced` AS BIGINT)) AS `unpriced`,
    COALESCE(
      SUM(CAST(COALESCE(`t15`.`cost_pico_usd`, 0) AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `cost_pico_usd`,
    COALESCE(SUM(CAST(`t15`.`work_pico_usd` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `work_pico_usd`,
    MAX(
      CASE
        WHEN `t15`.`unpriced`
        THEN 4
        WHEN COALESCE(`t15`.`cost_pico_usd`, 0) = 0
        THEN 0
        ELSE CASE `t15`.`cost_basis`
          WHEN 'measured'
          THEN 0
          WHEN 'fitted'
          THEN 1
          WHEN 'derived'
          THEN 2
          WHEN 'assumed'
          THEN 3
          WHEN 'unknown'
          THEN 4
          ELSE NULL
        END
      END
    ) AS `basis`,
    COALESCE(SUM(CAST(`t15`.`revenue_micro` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `revenue_micro`,
    COALESCE(
      SUM(CAST(`t15`.`served_input_tokens` AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `input_tokens`,
    COALESCE(
      SUM(CAST(`t15`.`served_output_tokens` AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `output_tokens`,
    SUM(CAST(`t15`.`emulated` AS BIGINT)) AS `emulated`,
    COUNT(`t15`.`energy_kwh`) AS `energy_rows`,
    COALESCE(
      SUM(
        IF(
          ABS(RINT(`t15`.`energy_kwh` * 1000000000000000.0)) < 9.2e+18,
          CAST(CAST(RINT(`t15`.`energy_kwh` * 1000000000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
          CAST(RINT(`t15`.`energy_kwh` * 1000000000000000.0) AS DECIMAL(38, 0))
        )
      ),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `energy_atto_kwh`,
    MAX(
      IF(
        `t15`.`energy_kwh` IS NOT NULL AND NOT ISNAN(`t15`.`energy_kwh`),
        CASE `t15`.`energy_basis`
          WHEN 'measured'
          THEN 0
          WHEN 'fitted'
          THEN 1
          WHEN 'derived'
          THEN 2
          WHEN 'assumed'
          THEN 3
          WHEN 'unknown'
          THEN 4
          ELSE NULL
        END,
        0
      )
    ) AS `energy_basis`,
    MIN(`t15`.`time_s`) AS `first_s`,
    MAX(`t15`.`time_s`) AS `last_s`
  FROM (
    SELECT
      `t14`.`time_s`,
      `t14`.`use_case`,
      `t14`.`tenant`,
      `t14`.`model`,
      `t14`.`arm`,
      `t14`.`deployment`,
      `t14`.`status`,
      `t14`.`in_budget`,
      `t14`.`emulated`,
      `t14`.`subject`,
      `t14`.`session`,
      `t14`.`cost_pico_usd`,
      `t14`.`cost_basis`,
      `t14`.`served_input_tokens`,
      `t14`.`served_output_tokens`,
      `t14`.`energy_kwh`,
      `t14`.`energy_basis`,
      `t14`.`policy_id`,
      `t14`.`work_s`,
      `t14`.`exposed`,
      `t14`.`touched`,
      `t14`.`converted`,
      `t14`.`unobserved`,
      `t14`.`revenue_micro`,
      `t14`.`rate`,
      `t14`.`used_when`,
      `t14`.`was_used`,
      `t14`.`delivered`,
      `t14`.`unpriced`,
      `t14`.`work_pico_usd`,
      IF(`t14`.`work_pico_usd` <> 0, CAST(FLOOR(`t14`.`time_s` / 3600.0) AS BIGINT), -1) AS `hour`,
      IF(
        (
          `t14`.`time_s` >= -62135596800.0
        ) AND (
          `t14`.`time_s` < 253402300800.0
        ),
        CAST(FLOOR(`t14`.`time_s` / 86400.0) AS BIGINT),
        0
      ) AS `day`,
      CASE
        WHEN `t14`.`unobserved`
        THEN 'unobserved'
        WHEN NOT (
          `t14`.`delivered`
        )
        THEN 'not_served'
        WHEN NOT (
          `t14`.`in_budget`
        )
        THEN 'late'
        WHEN `t14`.`was_used` IS NULL
        THEN 'not_measurable'
        WHEN (
          `t14`.`subject` = ''
        ) AND (
          `t14`.`session` = ''
        )
        THEN 'unidentified'
        WHEN NOT (
          `t14`.`was_used`
        )
        THEN 'not_used'
        WHEN `t14`.`converted`
        THEN 'converted'
        ELSE 'used'
      END AS `fate`
    FROM (
      SELECT
        `t13`.`time_s`,
        `t13`.`use_case`,
        `t13`.`tenant`,
        `t13`.`model`,
        `t13`.`arm`,
        `t13`.`deployment`,
        `t13`.`status`,
        `t13`.`in_budget`,
        `t13`.`emulated`,
        `t13`.`subject`,
        `t13`.`session`,
        `t13`.`cost_pico_usd`,
        `t13`.`cost_basis`,
        `t13`.`served_input_tokens`,
        `t13`.`served_output_tokens`,
        `t13`.`energy_kwh`,
        `t13`.`energy_basis`,
        `t13`.`policy_id`,
        `t13`.`work_s`,
        `t13`.`exposed`,
        `t13`.`touched`,
        `t13`.`converted`,
        `t13`.`unobserved`,
        `t13`.`revenue_micro`,
        `t13`.`rate`,
        `t13`.`used_when`,
        CASE `t13`.`used_when`
          WHEN 'delivered'
          THEN `t13`.`status` IN ('answered', 'cached', 'fallback')
          WHEN 'outcome'
          THEN `t13`.`status` IN ('answered', 'cached', 'fallback') AND `t13`.`touched`
          WHEN 'exposure'
          THEN `t13`.`status` IN ('answered', 'cached', 'fallback')
          AND (
            `t13`.`exposed` OR `t13`.`touched`
          )
          ELSE CAST(NULL AS BOOLEAN)
        END AS `was_used`,
        `t13`.`status` IN ('answered', 'cached', 'fallback') AS `delivered`,
        (
          `t13`.`cost_pico_usd` IS NULL
        ) AND (
          `t13`.`status` <> 'refused'
        ) AS `unpriced`,
        CASE
          WHEN (
            `t13`.`work_s` * CAST(`t13`.`rate` AS DOUBLE)
          ) IS NULL
          OR ISNAN(`t13`.`work_s` * CAST(`t13`.`rate` AS DOUBLE))
          OR (
            `t13`.`cost_pico_usd` IS NULL
          )
          THEN 0
          WHEN (
            `t13`.`work_s` * CAST(`t13`.`rate` AS DOUBLE)
          ) < 9.2e+18
          THEN LEAST(
            `t13`.`cost_pico_usd`,
            CAST(RINT(`t13`.`work_s` * CAST(`t13`.`rate` AS DOUBLE)) AS BIGINT)
          )
          ELSE `t13`.`cost_pico_usd`
        END AS `work_pico_usd`
      FROM (
        SELECT
          `t10`.`time_s`,
          `t10`.`use_case`,
          `t10`.`tenant`,
          `t10`.`model`,
          `t10`.`arm`,
          `t10`.`deployment`,
          `t10`.`status`,
          `t10`.`in_budget`,
          `t10`.`emulated`,
          `t10`.`subject`,
          `t10`.`session`,
          `t10`.`cost_pico_usd`,
          `t10`.`cost_basis`,
          `t10`.`served_input_tokens`,
          `t10`.`served_output_tokens`,
          `t10`.`energy_kwh`,
          `t10`.`energy_basis`,
          `t10`.`policy_id`,
          `t10`.`work_s`,
          COALESCE(`t12`.`exposed`, FALSE) AS `exposed`,
          COALESCE(`t12`.`touched`, FALSE) AS `touched`,
          COALESCE(`t12`.`converted`, FALSE) AS `converted`,
          COALESCE(`t12`.`unobserved`, FALSE) AS `unobserved`,
          COALESCE(`t12`.`revenue_micro`, CAST(0 AS DECIMAL(38, 0))) AS `revenue_micro`,
          `t7`.`rate`,
          COALESCE(`t6`.`used_when`, 'unmeasured') AS `used_when`
        FROM (
          SELECT
            *
          FROM `p` AS `t0`
          WHERE
            (
              CAST(:start_s AS DOUBLE) IS NULL
              OR ISNAN(CAST(:start_s AS DOUBLE))
              OR (
                `t0`.`time_s` >= CAST(:start_s AS DOUBLE)
              )
            )
            AND (
              CAST(:end_s AS DOUBLE) IS NULL
              OR ISNAN(CAST(:end_s AS DOUBLE))
              OR (
                `t0`.`time_s` < CAST(:end_s AS DOUBLE)
              )
            )
            AND (
              (
                :policy_id IS NULL
              ) OR (
                `t0`.`policy_id` = :policy_id
              )
            )
            AND (
              (
                :plan_id IS NULL
              ) OR (
                `t0`.`plan_id` = :plan_id
              )
            )
            AND (
              (
                :use_case IS NULL
              ) OR (
                `t0`.`use_case` = :use_case
              )
            )
            AND (
              (
                :deployment IS NULL
              ) OR (
                `t0`.`deployment` = :deployment
              )
            )
        ) AS `t10`
        LEFT OUTER JOIN (
          SELECT
            `t8`.`tenant`,
            `t8`.`target`,
            BOOL_OR(`t8`.`kind` = 'exposure') AS `exposed`,
            BOOL_OR(`t8`.`kind` IN ('click', 'conversion', 'revenue')) AS `touched`,
            BOOL_OR(`t8`.`kind` IN ('conversion', 'revenue')) AS `converted`,
            BOOL_OR(`t8`.`kind` = 'unobserved') AS `unobserved`,
            IF(
              BOOL_OR(`t8`.`kind` = 'revenue'),
              COALESCE(
                SUM(
                  IF(
                    `t8`.`kind` = 'revenue',
                    IF(
                      UPPER(`t8`.`currency`) IN ('', 'USD')
                      AND (
                        `t8`.`value` IS NOT NULL AND NOT ISNAN(`t8`.`value`)
                      ),
                      IF(
                        ABS(RINT(`t8`.`value` * 1000000.0)) < 9.2e+18,
                        CAST(CAST(RINT(`t8`.`value` * 1000000.0) AS BIGINT) AS DECIMAL(38, 0)),
                        CAST(RINT(`t8`.`value` * 1000000.0) AS DECIMAL(38, 0))
                      ),
                      CAST(0 AS DECIMAL(38, 0))
                    ),
                    NULL
                  )
                ),
                CAST(0 AS DECIMAL(38, 0))
              ),
              COALESCE(
                SUM(
                  IF(
                    `t8`.`kind` = 'conversion',
                    IF(
                      UPPER(`t8`.`currency`) IN ('', 'USD')
                      AND (
                        `t8`.`value` IS NOT NULL AND NOT ISNAN(`t8`.`value`)
                      ),
                      IF(
                        ABS(RINT(`t8`.`value` * 1000000.0)) < 9.2e+18,
                        CAST(CAST(RINT(`t8`.`value` * 1000000.0) AS BIGINT) AS DECIMAL(38, 0)),
                        CAST(RINT(`t8`.`value` * 1000000.0) AS DECIMAL(38, 0))
                      ),
                      CAST(0 AS DECIMAL(38, 0))
                    ),
                    NULL
                  )
                ),
                CAST(0 AS DECIMAL(38, 0))
              )
            ) AS `revenue_micro`
          FROM (
            SELECT
              `t3`.`tenant`,
              `t3`.`kind`,
              `t3`.`value`,
              `t3`.`currency`,
              `t3`.`prediction_id` AS `target`
            FROM `o` AS `t3`
            WHERE
              NOT (
                `t3`.`kind` IN ('consent', 'identify')
              ) AND `t3`.`prediction_id` <> ''
          ) AS `t8`
          GROUP BY
            1,
            2
        ) AS `t12`
          ON `t10`.`prediction_id` = `t12`.`target` AND `t10`.`tenant` = `t12`.`tenant`
        LEFT OUTER JOIN (
          SELECT
            `t1`.`deployment` AS `owner`,
            `t1`.`policy_id` AS `under`,
            MAX(`t1`.`pico_usd_per_replica_s`) AS `rate`
          FROM `c` AS `t1`
          GROUP BY
            1,
            2
        ) AS `t7`
          ON `t10`.`deployment` = `t7`.`owner` AND `t10`.`policy_id` = `t7`.`under`
        LEFT OUTER JOIN (
          SELECT
            `t2`.`used_when`,
            `t2`.`use_case` AS `measured`
          FROM `measures` AS `t2`
        ) AS `t6`
          ON `t10`.`use_case` = `t6`.`measured`
      ) AS `t13`
    ) AS `t14`
  ) AS `t15`
  GROUP BY
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8
) AS `t16`
ORDER BY
  `t16`.`deployment` ASC NULLS LAST,
  `t16`.`hour` ASC NULLS LAST,
  `t16`.`day` ASC NULLS LAST,
  `t16`.`use_case` ASC NULLS LAST,
  `t16`.`tenant` ASC NULLS LAST,
  `t16`.`model` ASC NULLS LAST,
  `t16`.`arm` ASC NULLS LAST,
  `t16`.`fate` ASC NULLS LAST
