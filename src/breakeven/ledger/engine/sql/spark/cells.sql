-- Made by scripts/build_questions.py from engine/ask: change it there.
WITH `t14` AS (
  SELECT
    `t3`.`tenant`,
    `t3`.`source`,
    `t3`.`event_id`,
    `t3`.`kind`,
    `t3`.`time_s`,
    `t3`.`prediction_id`,
    `t3`.`subject`,
    `t3`.`use_case`,
    `t3`.`consent`,
    `t3`.`value`,
    `t3`.`currency`
  FROM `o` AS `t3`
  WHERE
    NOT (
      `t3`.`kind` IN ('consent', 'identify')
    )
    AND `t3`.`prediction_id` = ''
    AND `t3`.`subject` <> ''
), `t27` AS (
  SELECT
    `t26`.`tenant`,
    `t26`.`subject`,
    `t26`.`use_case`,
    `t26`.`touch`,
    `t26`.`window_s`,
    `t26`.`time_s`,
    `t26`.`at`,
    MIN(`t26`.`prediction_id`) AS `low`,
    MAX(`t26`.`prediction_id`) AS `high`,
    MIN_BY(`t26`.`consent`, `t26`.`prediction_id`) AS `low_consent`,
    MAX_BY(`t26`.`consent`, `t26`.`prediction_id`) AS `high_consent`
  FROM (
    SELECT
      `t25`.`tenant`,
      `t25`.`subject`,
      `t25`.`use_case`,
      `t25`.`time_s`,
      `t25`.`prediction_id`,
      `t25`.`consent`,
      `t25`.`window_s`,
      `t25`.`touch`,
      IF(`t25`.`touch` = 'first', -(
        `t25`.`time_s`
      ), `t25`.`time_s`) AS `at`
    FROM (
      SELECT
        `t24`.`tenant`,
        `t24`.`subject`,
        `t24`.`use_case`,
        `t24`.`time_s`,
        `t24`.`prediction_id`,
        `t24`.`consent`,
        COALESCE(`t9`.`window_s`, 1800.0) AS `window_s`,
        COALESCE(`t9`.`touch`, 'last') AS `touch`
      FROM (
        SELECT
          `t22`.`tenant`,
          `t22`.`subject`,
          `t22`.`use_case`,
          `t22`.`time_s`,
          `t22`.`prediction_id`,
          `t22`.`consent`
        FROM (
          SELECT
            `t4`.`prediction_id`,
            `t4`.`use_case`,
            `t4`.`tenant`,
            `t4`.`time_s`,
            `t4`.`cost_pico_usd`,
            `t4`.`in_budget`,
            `t4`.`status`,
            `t4`.`deployment`,
            `t4`.`model`,
            `t4`.`placement`,
            `t4`.`arm`,
            `t4`.`policy_id`,
            `t4`.`plan_id`,
            `t4`.`tier`,
            `t4`.`request_id`,
            `t4`.`trace_id`,
            `t4`.`node`,
            `t4`.`sequence`,
            `t4`.`region`,
            `t4`.`device_class`,
            `t4`.`channel`,
            `t4`.`subject`,
            `t4`.`subject_kind`,
            `t4`.`session`,
            `t4`.`consent`,
            `t4`.`chosen`,
            `t4`.`cache`,
            `t4`.`reason`,
            `t4`.`price_id`,
            `t4`.`cost_basis`,
            `t4`.`tokens_basis`,
            `t4`.`energy_basis`,
            `t4`.`features_hash`,
            `t4`.`prompt`,
            `t4`.`action`,
            `t4`.`drill`,
            `t4`.`protocol`,
            `t4`.`parent_span_id`,
            `t4`.`seed`,
            `t4`.`http_status`,
            `t4`.`rows_scored`,
            `t4`.`version`,
            `t4`.`emulated`,
            `t4`.`stream`,
            `t4`.`total_s`,
            `t4`.`ttft_s`,
            `t4`.`tpot_s`,
            `t4`.`chunk_gap_max_s`,
            `t4`.`budget_s`,
            `t4`.`ttft_target_s`,
            `t4`.`tpot_target_s`,
            `t4`.`work_s`,
            `t4`.`in_flight`,
            `t4`.`energy_kwh`,
            `t4`.`served_input_tokens`,
            `t4`.`served_cached_input_tokens`,
            `t4`.`served_output_tokens`,
            `t4`.`served_reasoning_tokens`,
            `t4`.`consumed_input_tokens`,
            `t4`.`consumed_cached_input_tokens`,
            `t4`.`consumed_output_tokens`,
            `t4`.`consumed_reasoning_tokens`,
            `t4`.`billable_input_tokens`,
            `t4`.`billable_cached_input_tokens`,
            `t4`.`billable_output_tokens`,
            `t4`.`billable_reasoning_tokens`,
            `t4`.`priced_input_tokens`,
            `t4`.`priced_cached_input_tokens`,
            `t4`.`priced_output_tokens`,
            `t4`.`priced_reasoning_tokens`,
            `t4`.`labels`,
            `t4`.`eligible`,
            `t4`.`propensities`,
            `t4`.`attempts`,
            `t4`.`stages`,
            `t4`.`actions`,
            `t4`.`action_propensities`,
            `t4`.`routed`
          FROM `p` AS `t4`
          LEFT SEMI JOIN (
            SELECT
              `t19`.`tenant`,
              `t19`.`subject`
            FROM (
              SELECT
                `t17`.`tenant`,
                `t17`.`subject`,
                COUNT(*) AS `rows`
              FROM `t14` AS `t17`
              GROUP BY
                1,
                2
            ) AS `t19`
          ) AS `t21`
            ON `t4`.`tenant` = `t21`.`tenant` AND `t4`.`subject` = `t21`.`subject`
        ) AS `t22`
        WHERE
          `t22`.`status` IN ('answered', 'cached', 'fallback') AND `t22`.`subject` <> ''
      ) AS `t24`
      LEFT OUTER JOIN (
        SELECT
          `t2`.`window_s`,
          `t2`.`touch`,
          `t2`.`use_case` AS `measured`
        FROM `measures` AS `t2`
      ) AS `t9`
        ON `t24`.`use_case` = `t9`.`measured`
    ) AS `t25`
  ) AS `t26`
  GROUP BY
    1,
    2,
    3,
    4,
    5,
    6,
    7
)
SELECT
  *
FROM (
  SELECT
    `t54`.`deployment`,
    `t54`.`hour`,
    `t54`.`day`,
    `t54`.`use_case`,
    `t54`.`tenant`,
    `t54`.`model`,
    `t54`.`arm`,
    `t54`.`fate`,
    BOOL_OR(`t54`.`was_used` IS NOT NULL) AS `measurable`,
    COUNT(*) AS `predictions`,
    SUM(CAST(`t54`.`status` = 'answered' AS BIGINT)) AS `answered`,
    SUM(CAST(`t54`.`status` = 'cached' AS BIGINT)) AS `cached`,
    SUM(CAST(`t54`.`status` = 'fallback' AS BIGINT)) AS `fallback`,
    SUM(CAST(`t54`.`status` = 'refused' AS BIGINT)) AS `refused`,
    SUM(CAST(`t54`.`status` = 'failed' AS BIGINT)) AS `failed`,
    SUM(CAST(`t54`.`status` = 'cancelled' AS BIGINT)) AS `cancelled`,
    SUM(CAST(`t54`.`in_budget` AS BIGINT)) AS `in_budget`,
    SUM(CAST(COALESCE(`t54`.`was_used`, FALSE) AS BIGINT)) AS `used`,
    SUM(CAST(`t54`.`unpriced` AS BIGINT)) AS `unpriced`,
    COALESCE(
      SUM(CAST(COALESCE(`t54`.`cost_pico_usd`, 0) AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `cost_pico_usd`,
    COALESCE(SUM(CAST(`t54`.`work_pico_usd` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `work_pico_usd`,
    MAX(
      CASE
        WHEN `t54`.`unpriced`
        THEN 4
        WHEN COALESCE(`t54`.`cost_pico_usd`, 0) = 0
        THEN 0
        ELSE CASE `t54`.`cost_basis`
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
    COALESCE(SUM(CAST(`t54`.`revenue_micro` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `revenue_micro`,
    COALESCE(
      SUM(CAST(`t54`.`served_input_tokens` AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `input_tokens`,
    COALESCE(
      SUM(CAST(`t54`.`served_output_tokens` AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `output_tokens`,
    SUM(CAST(`t54`.`emulated` AS BIGINT)) AS `emulated`,
    COUNT(`t54`.`energy_kwh`) AS `energy_rows`,
    COALESCE(
      SUM(
        IF(
          ABS(RINT(`t54`.`energy_kwh` * 1000000000000000.0)) < 9.2e+18,
          CAST(CAST(RINT(`t54`.`energy_kwh` * 1000000000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
          CAST(RINT(`t54`.`energy_kwh` * 1000000000000000.0) AS DECIMAL(38, 0))
        )
      ),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `energy_atto_kwh`,
    MAX(
      IF(
        `t54`.`energy_kwh` IS NOT NULL AND NOT ISNAN(`t54`.`energy_kwh`),
        CASE `t54`.`energy_basis`
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
    MIN(`t54`.`time_s`) AS `first_s`,
    MAX(`t54`.`time_s`) AS `last_s`
  FROM (
    SELECT
      `t53`.`time_s`,
      `t53`.`use_case`,
      `t53`.`tenant`,
      `t53`.`model`,
      `t53`.`arm`,
      `t53`.`deployment`,
      `t53`.`status`,
      `t53`.`in_budget`,
      `t53`.`emulated`,
      `t53`.`subject`,
      `t53`.`session`,
      `t53`.`cost_pico_usd`,
      `t53`.`cost_basis`,
      `t53`.`served_input_tokens`,
      `t53`.`served_output_tokens`,
      `t53`.`energy_kwh`,
      `t53`.`energy_basis`,
      `t53`.`policy_id`,
      `t53`.`work_s`,
      `t53`.`exposed`,
      `t53`.`touched`,
      `t53`.`converted`,
      `t53`.`unobserved`,
      `t53`.`revenue_micro`,
      `t53`.`rate`,
      `t53`.`used_when`,
      `t53`.`was_used`,
      `t53`.`delivered`,
      `t53`.`unpriced`,
      `t53`.`work_pico_usd`,
      IF(`t53`.`work_pico_usd` <> 0, CAST(FLOOR(`t53`.`time_s` / 3600.0) AS BIGINT), -1) AS `hour`,
      IF(
        (
          `t53`.`time_s` >= -62135596800.0
        ) AND (
          `t53`.`time_s` < 253402300800.0
        ),
        CAST(FLOOR(`t53`.`time_s` / 86400.0) AS BIGINT),
        0
      ) AS `day`,
      CASE
        WHEN `t53`.`unobserved`
        THEN 'unobserved'
        WHEN NOT (
          `t53`.`delivered`
        )
        THEN 'not_served'
        WHEN NOT (
          `t53`.`in_budget`
        )
        THEN 'late'
        WHEN `t53`.`was_used` IS NULL
        THEN 'not_measurable'
        WHEN (
          `t53`.`subject` = ''
        ) AND (
          `t53`.`session` = ''
        )
        THEN 'unidentified'
        WHEN NOT (
          `t53`.`was_used`
        )
        THEN 'not_used'
        WHEN `t53`.`converted`
        THEN 'converted'
        ELSE 'used'
      END AS `fate`
    FROM (
      SELECT
        `t52`.`time_s`,
        `t52`.`use_case`,
        `t52`.`tenant`,
        `t52`.`model`,
        `t52`.`arm`,
        `t52`.`deployment`,
        `t52`.`status`,
        `t52`.`in_budget`,
        `t52`.`emulated`,
        `t52`.`subject`,
        `t52`.`session`,
        `t52`.`cost_pico_usd`,
        `t52`.`cost_basis`,
        `t52`.`served_input_tokens`,
        `t52`.`served_output_tokens`,
        `t52`.`energy_kwh`,
        `t52`.`energy_basis`,
        `t52`.`policy_id`,
        `t52`.`work_s`,
        `t52`.`exposed`,
        `t52`.`touched`,
        `t52`.`converted`,
        `t52`.`unobserved`,
        `t52`.`revenue_micro`,
        `t52`.`rate`,
        `t52`.`used_when`,
        CASE `t52`.`used_when`
          WHEN 'delivered'
          THEN `t52`.`status` IN ('answered', 'cached', 'fallback')
          WHEN 'outcome'
          THEN `t52`.`status` IN ('answered', 'cached', 'fallback') AND `t52`.`touched`
          WHEN 'exposure'
          THEN `t52`.`status` IN ('answered', 'cached', 'fallback')
          AND (
            `t52`.`exposed` OR `t52`.`touched`
          )
          ELSE CAST(NULL AS BOOLEAN)
        END AS `was_used`,
        `t52`.`status` IN ('answered', 'cached', 'fallback') AS `delivered`,
        (
          `t52`.`cost_pico_usd` IS NULL
        ) AND (
          `t52`.`status` <> 'refused'
        ) AS `unpriced`,
        CASE
          WHEN (
            `t52`.`work_s` * CAST(`t52`.`rate` AS DOUBLE)
          ) IS NULL
          OR ISNAN(`t52`.`work_s` * CAST(`t52`.`rate` AS DOUBLE))
          OR (
            `t52`.`cost_pico_usd` IS NULL
          )
          THEN 0
          WHEN (
            `t52`.`work_s` * CAST(`t52`.`rate` AS DOUBLE)
          ) < 9.2e+18
          THEN LEAST(
            `t52`.`cost_pico_usd`,
            CAST(RINT(`t52`.`work_s` * CAST(`t52`.`rate` AS DOUBLE)) AS BIGINT)
          )
          ELSE `t52`.`cost_pico_usd`
        END AS `work_pico_usd`
      FROM (
        SELECT
          `t15`.`time_s`,
          `t15`.`use_case`,
          `t15`.`tenant`,
          `t15`.`model`,
          `t15`.`arm`,
          `t15`.`deployment`,
          `t15`.`status`,
          `t15`.`in_budget`,
          `t15`.`emulated`,
          `t15`.`subject`,
          `t15`.`session`,
          `t15`.`cost_pico_usd`,
          `t15`.`cost_basis`,
          `t15`.`served_input_tokens`,
          `t15`.`served_output_tokens`,
          `t15`.`energy_kwh`,
          `t15`.`energy_basis`,
          `t15`.`policy_id`,
          `t15`.`work_s`,
          COALESCE(`t51`.`exposed`, FALSE) AS `exposed`,
          COALESCE(`t51`.`touched`, FALSE) AS `touched`,
          COALESCE(`t51`.`converted`, FALSE) AS `converted`,
          COALESCE(`t51`.`unobserved`, FALSE) AS `unobserved`,
          COALESCE(`t51`.`revenue_micro`, CAST(0 AS DECIMAL(38, 0))) AS `revenue_micro`,
          `t10`.`rate`,
          COALESCE(`t8`.`used_when`, 'unmeasured') AS `used_when`
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
        ) AS `t15`
        LEFT OUTER JOIN (
          SELECT
            `t49`.`tenant`,
            `t49`.`target`,
            BOOL_OR(`t49`.`kind` = 'exposure') AS `exposed`,
            BOOL_OR(`t49`.`kind` IN ('click', 'conversion', 'revenue')) AS `touched`,
            BOOL_OR(`t49`.`kind` IN ('conversion', 'revenue')) AS `converted`,
            BOOL_OR(`t49`.`kind` = 'unobserved') AS `unobserved`,
            IF(
              BOOL_OR(`t49`.`kind` = 'revenue'),
              COALESCE(
                SUM(
                  IF(
                    `t49`.`kind` = 'revenue',
                    IF(
                      UPPER(`t49`.`currency`) IN ('', 'USD')
                      AND (
                        `t49`.`value` IS NOT NULL AND NOT ISNAN(`t49`.`value`)
                      ),
                      IF(
                        ABS(RINT(`t49`.`value` * 1000000.0)) < 9.2e+18,
                        CAST(CAST(RINT(`t49`.`value` * 1000000.0) AS BIGINT) AS DECIMAL(38, 0)),
                        CAST(RINT(`t49`.`value` * 1000000.0) AS DECIMAL(38, 0))
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
                    `t49`.`kind` = 'conversion',
                    IF(
                      UPPER(`t49`.`currency`) IN ('', 'USD')
                      AND (
                        `t49`.`value` IS NOT NULL AND NOT ISNAN(`t49`.`value`)
                      ),
                      IF(
                        ABS(RINT(`t49`.`value` * 1000000.0)) < 9.2e+18,
                        CAST(CAST(RINT(`t49`.`value` * 1000000.0) AS BIGINT) AS DECIMAL(38, 0)),
                        CAST(RINT(`t49`.`value` * 1000000.0) AS DECIMAL(38, 0))
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
              *
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
            ) AS `t12`
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                `t16`.`tenant`,
                `t16`.`kind`,
                `t16`.`value`,
                `t16`.`currency`,
                `t47`.`target`
              FROM (
                SELECT
                  `t3`.`tenant`,
                  `t3`.`source`,
                  `t3`.`event_id`,
                  `t3`.`kind`,
                  `t3`.`time_s`,
                  `t3`.`prediction_id`,
                  `t3`.`subject`,
                  `t3`.`use_case`,
                  `t3`.`consent`,
                  `t3`.`value`,
                  `t3`.`currency`
                FROM `o` AS `t3`
                WHERE
                  NOT (
                    `t3`.`kind` IN ('consent', 'identify')
                  )
              ) AS `t16`
              INNER JOIN (
                SELECT
                  `t45`.`tenant`,
                  `t45`.`source`,
                  `t45`.`event_id`,
                  `t45`.`target`,
                  `t45`.`denied`
                FROM (
                  SELECT
                    `t44`.`tenant`,
                    `t44`.`source`,
                    `t44`.`event_id`,
                    `t44`.`touch_s`,
                    `t44`.`target`,
                    `t44`.`denied`,
                    ROW_NUMBER() OVER (
                      PARTITION BY `t44`.`tenant`, `t44`.`source`, `t44`.`event_id`
                      ORDER BY `t44`.`touch_s` DESC, `t44`.`target` DESC
                    ) - 1 AS `place`
                  FROM (
                    SELECT
                      `t43`.`tenant`,
                      `t43`.`source`,
                      `t43`.`event_id`,
                      `t43`.`touch_s`,
                      `t43`.`target`,
                      (
                        `t43`.`consent` = 'denied'
                      ) OR (
                        `t43`.`touch_consent` = 'denied'
                      ) AS `denied`
                    FROM (
                      SELECT
                        `t42`.`tenant`,
                        `t42`.`subject`,
                        `t42`.`use_case`,
                        `t42`.`touch_at`,
                        `t42`.`source`,
                        `t42`.`event_id`,
                        `t42`.`consent`,
                        `t42`.`time_s`,
                        `t42`.`opens_s`,
                        `t32`.`touch_s`,
                        `t32`.`target`,
                        `t32`.`touch_consent`
                      FROM (
                        SELECT
                          `t40`.`tenant`,
                          `t40`.`subject`,
                          `t40`.`use_case`,
                          `t40`.`touch_at`,
                          `t40`.`source`,
                          `t40`.`event_id`,
                          `t40`.`consent`,
                          `t40`.`time_s`,
                          `t40`.`opens_s`
                        FROM (
                          SELECT
                            *
                          FROM (
                            SELECT
                              `t38`.`tenant`,
                              `t38`.`subject`,
                              `t38`.`use_case`,
                              `t38`.`at`,
                              MAX(`t38`.`touch_at`) OVER (
                                PARTITION BY `t38`.`tenant`, `t38`.`subject`, `t38`.`use_case`
                                ORDER BY `t38`.`at` ASC NULLS LAST
                                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                              ) AS `touch_at`,
                              `t38`.`source`,
                              `t38`.`event_id`,
                              `t38`.`consent`,
                              `t38`.`time_s`,
                              `t38`.`opens_s`
                            FROM (
                              SELECT
                                *
                              FROM (
                                SELECT
                                  `t28`.`tenant`,
                                  `t28`.`subject`,
                                  `t28`.`use_case`,
                                  `t28`.`at`,
                                  `t28`.`at` AS `touch_at`,
                                  CAST(NULL AS STRING) AS `source`,
                                  CAST(NULL AS STRING) AS `event_id`,
                                  CAST(NULL AS STRING) AS `consent`,
                                  CAST(NULL AS DOUBLE) AS `time_s`,
                                  CAST(NULL AS DOUBLE) AS `opens_s`
                                FROM `t27` AS `t28`
                              ) AS `t29`
                              UNION ALL
                              SELECT
                                *
                              FROM (
                                SELECT
                                  `t36`.`tenant`,
                                  `t36`.`subject`,
                                  `t36`.`use_case`,
                                  `t36`.`at`,
                                  CAST(NULL AS DOUBLE) AS `touch_at`,
                                  `t36`.`source`,
                                  `t36`.`event_id`,
                                  `t36`.`consent`,
                                  `t36`.`time_s`,
                                  `t36`.`opens_s`
                                FROM (
                                  SELECT
                                    `t18`.`tenant`,
                                    `t18`.`source`,
                                    `t18`.`event_id`,
                                    `t18`.`subject`,
                                    `t18`.`consent`,
                                    `t35`.`touch`,
                                    `t18`.`time_s`,
                                    `t35`.`place` AS `use_case`,
                                    `t18`.`time_s` - `t35`.`window_s` AS `opens_s`,
                                    IF(`t35`.`touch` = 'first', -(
                                      `t18`.`time_s` - `t35`.`window_s`
                                    ), `t18`.`time_s`) AS `at`
                                  FROM `t14` AS `t18`
                                  INNER JOIN (
                                    SELECT
                                      `t33`.`touch`,
                                      `t33`.`window_s`,
                                      `t33`.`tenant` AS `owner`,
                                      `t33`.`subject` AS `who`,
                                      `t33`.`use_case` AS `place`
                                    FROM (
                                      SELECT
                                        `t31`.`tenant`,
                                        `t31`.`subject`,
                                        `t31`.`use_case`,
                                        `t31`.`touch`,
                                        `t31`.`window_s`,
                                        COUNT(*) AS `rows`
                                      FROM (
                                        SELECT
                                          `t28`.`tenant`,
                                          `t28`.`subject`,
                                          `t28`.`use_case`,
                                          `t28`.`touch`,
                                          `t28`.`window_s`,
                                          `t28`.`at`,
                                          `t28`.`time_s` AS `touch_s`,
                                          IF(`t28`.`touch` = 'first', `t28`.`low`, `t28`.`high`) AS `target`,
                                          IF(`t28`.`touch` = 'first', `t28`.`low_consent`, `t28`.`high_consent`) AS `touch_consent`
                                        FROM `t27` AS `t28`
                                      ) AS `t31`
                                      GROUP BY
                                        1,
                                        2,
                                        3,
                                        4,
                                        5
                                    ) AS `t33`
                                  ) AS `t35`
                                    ON `t18`.`tenant` = `t35`.`owner`
                                    AND `t18`.`subject` = `t35`.`who`
                                    AND (
                                      (
                                        `t18`.`use_case` = ''
                                      ) OR (
                                        `t18`.`use_case` = `t35`.`place`
                                      )
                                    )
                                ) AS `t36`
                              ) AS `t37`
                            ) AS `t38`
                          ) AS `t39`
                          WHERE
                            `t39`.`event_id` IS NOT NULL
                            AND (
                              `t39`.`touch_at` IS NOT NULL AND NOT ISNAN(`t39`.`touch_at`)
                            )
                        ) AS `t40`
                      ) AS `t42`
                      INNER JOIN (
                        SELECT
                          `t28`.`tenant`,
                          `t28`.`subject`,
                          `t28`.`use_case`,
                          `t28`.`time_s` AS `touch_s`,
                          IF(`t28`.`touch` = 'first', `t28`.`low`, `t28`.`high`) AS `target`,
                          IF(`t28`.`touch` = 'first', `t28`.`low_consent`, `t28`.`high_consent`) AS `touch_consent`,
                          `t28`.`at` AS `touch_at`
                        FROM `t27` AS `t28`
                      ) AS `t32`
                        ON `t42`.`tenant` = `t32`.`tenant`
                        AND `t42`.`subject` = `t32`.`subject`
                        AND `t42`.`use_case` = `t32`.`use_case`
                        AND `t42`.`touch_at` = `t32`.`touch_at`
                    ) AS `t43`
                    WHERE
                      `t43`.`touch_s` >= `t43`.`opens_s` AND `t43`.`touch_s` <= `t43`.`time_s`
                  ) AS `t44`
                ) AS `t45`
                WHERE
                  `t45`.`place` = 0 AND NOT (
                    `t45`.`denied`
                  )
              ) AS `t47`
                ON `t16`.`tenant` = `t47`.`tenant`
                AND `t16`.`source` = `t47`.`source`
                AND `t16`.`event_id` = `t47`.`event_id`
            ) AS `t48`
          ) AS `t49`
          GROUP BY
            1,
            2
        ) AS `t51`
          ON `t15`.`prediction_id` = `t51`.`target` AND `t15`.`tenant` = `t51`.`tenant`
        LEFT OUTER JOIN (
          SELECT
            `t1`.`deployment` AS `owner`,
            `t1`.`policy_id` AS `under`,
            MAX(`t1`.`pico_usd_per_replica_s`) AS `rate`
          FROM `c` AS `t1`
          GROUP BY
            1,
            2
        ) AS `t10`
          ON `t15`.`deployment` = `t10`.`owner` AND `t15`.`policy_id` = `t10`.`under`
        LEFT OUTER JOIN (
          SELECT
            `t2`.`used_when`,
            `t2`.`use_case` AS `measured`
          FROM `measures` AS `t2`
        ) AS `t8`
          ON `t15`.`use_case` = `t8`.`measured`
      ) AS `t52`
    ) AS `t53`
  ) AS `t54`
  GROUP BY
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8
) AS `t55`
ORDER BY
  `t55`.`deployment` ASC NULLS LAST,
  `t55`.`hour` ASC NULLS LAST,
  `t55`.`day` ASC NULLS LAST,
  `t55`.`use_case` ASC NULLS LAST,
  `t55`.`tenant` ASC NULLS LAST,
  `t55`.`model` ASC NULLS LAST,
  `t55`.`arm` ASC NULLS LAST,
  `t55`.`fate` ASC NULLS LAST
