-- Made by scripts/build_questions.py from engine/ask: change it there.
WITH `t10` AS (
  SELECT
    `t2`.`tenant`,
    `t2`.`source`,
    `t2`.`event_id`,
    `t2`.`kind`,
    `t2`.`time_s`,
    `t2`.`prediction_id`,
    `t2`.`subject`,
    `t2`.`use_case`,
    `t2`.`consent`,
    `t2`.`value`,
    `t2`.`currency`
  FROM `o` AS `t2`
  WHERE
    NOT (
      `t2`.`kind` IN ('consent', 'identify')
    )
    AND `t2`.`prediction_id` = ''
    AND `t2`.`subject` <> ''
), `t24` AS (
  SELECT
    `t23`.`tenant`,
    `t23`.`subject`,
    `t23`.`use_case`,
    `t23`.`touch`,
    `t23`.`window_s`,
    `t23`.`time_s`,
    `t23`.`at`,
    MIN(`t23`.`prediction_id`) AS `low`,
    MAX(`t23`.`prediction_id`) AS `high`,
    MIN_BY(`t23`.`consent`, `t23`.`prediction_id`) AS `low_consent`,
    MAX_BY(`t23`.`consent`, `t23`.`prediction_id`) AS `high_consent`
  FROM (
    SELECT
      `t22`.`tenant`,
      `t22`.`subject`,
      `t22`.`use_case`,
      `t22`.`time_s`,
      `t22`.`prediction_id`,
      `t22`.`consent`,
      `t22`.`window_s`,
      `t22`.`touch`,
      IF(`t22`.`touch` = 'first', -(
        `t22`.`time_s`
      ), `t22`.`time_s`) AS `at`
    FROM (
      SELECT
        `t21`.`tenant`,
        `t21`.`subject`,
        `t21`.`use_case`,
        `t21`.`time_s`,
        `t21`.`prediction_id`,
        `t21`.`consent`,
        COALESCE(`t7`.`window_s`, 1800.0) AS `window_s`,
        COALESCE(`t7`.`touch`, 'last') AS `touch`
      FROM (
        SELECT
          `t19`.`tenant`,
          `t19`.`subject`,
          `t19`.`use_case`,
          `t19`.`time_s`,
          `t19`.`prediction_id`,
          `t19`.`consent`
        FROM (
          SELECT
            `t3`.`prediction_id`,
            `t3`.`use_case`,
            `t3`.`tenant`,
            `t3`.`time_s`,
            `t3`.`cost_pico_usd`,
            `t3`.`in_budget`,
            `t3`.`status`,
            `t3`.`deployment`,
            `t3`.`model`,
            `t3`.`placement`,
            `t3`.`arm`,
            `t3`.`policy_id`,
            `t3`.`plan_id`,
            `t3`.`tier`,
            `t3`.`request_id`,
            `t3`.`trace_id`,
            `t3`.`node`,
            `t3`.`sequence`,
            `t3`.`region`,
            `t3`.`device_class`,
            `t3`.`channel`,
            `t3`.`subject`,
            `t3`.`subject_kind`,
            `t3`.`session`,
            `t3`.`consent`,
            `t3`.`chosen`,
            `t3`.`cache`,
            `t3`.`reason`,
            `t3`.`price_id`,
            `t3`.`cost_basis`,
            `t3`.`tokens_basis`,
            `t3`.`energy_basis`,
            `t3`.`features_hash`,
            `t3`.`prompt`,
            `t3`.`action`,
            `t3`.`drill`,
            `t3`.`protocol`,
            `t3`.`parent_span_id`,
            `t3`.`seed`,
            `t3`.`http_status`,
            `t3`.`rows_scored`,
            `t3`.`version`,
            `t3`.`emulated`,
            `t3`.`stream`,
            `t3`.`total_s`,
            `t3`.`ttft_s`,
            `t3`.`tpot_s`,
            `t3`.`chunk_gap_max_s`,
            `t3`.`budget_s`,
            `t3`.`ttft_target_s`,
            `t3`.`tpot_target_s`,
            `t3`.`work_s`,
            `t3`.`in_flight`,
            `t3`.`energy_kwh`,
            `t3`.`served_input_tokens`,
            `t3`.`served_cached_input_tokens`,
            `t3`.`served_output_tokens`,
            `t3`.`served_reasoning_tokens`,
            `t3`.`consumed_input_tokens`,
            `t3`.`consumed_cached_input_tokens`,
            `t3`.`consumed_output_tokens`,
            `t3`.`consumed_reasoning_tokens`,
            `t3`.`billable_input_tokens`,
            `t3`.`billable_cached_input_tokens`,
            `t3`.`billable_output_tokens`,
            `t3`.`billable_reasoning_tokens`,
            `t3`.`priced_input_tokens`,
            `t3`.`priced_cached_input_tokens`,
            `t3`.`priced_output_tokens`,
            `t3`.`priced_reasoning_tokens`,
            `t3`.`labels`,
            `t3`.`eligible`,
            `t3`.`propensities`,
            `t3`.`attempts`,
            `t3`.`stages`,
            `t3`.`actions`,
            `t3`.`action_propensities`,
            `t3`.`routed`
          FROM `p` AS `t3`
          LEFT SEMI JOIN (
            SELECT
              `t16`.`tenant`,
              `t16`.`subject`
            FROM (
              SELECT
                `t13`.`tenant`,
                `t13`.`subject`,
                COUNT(*) AS `rows`
              FROM `t10` AS `t13`
              GROUP BY
                1,
                2
            ) AS `t16`
          ) AS `t18`
            ON `t3`.`tenant` = `t18`.`tenant` AND `t3`.`subject` = `t18`.`subject`
        ) AS `t19`
        WHERE
          `t19`.`status` IN ('answered', 'cached', 'fallback') AND `t19`.`subject` <> ''
      ) AS `t21`
      LEFT OUTER JOIN (
        SELECT
          `t0`.`window_s`,
          `t0`.`touch`,
          `t0`.`use_case` AS `measured`
        FROM `measures` AS `t0`
      ) AS `t7`
        ON `t21`.`use_case` = `t7`.`measured`
    ) AS `t22`
  ) AS `t23`
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
    `t53`.`use_case`,
    `t53`.`day`,
    `t53`.`predictions`,
    `t53`.`observed`,
    `t53`.`unpriced`,
    `t53`.`cost_pico_usd`,
    CASE `t6`.`used_when`
      WHEN 'delivered'
      THEN `t53`.`served`
      WHEN 'outcome'
      THEN `t53`.`acted`
      WHEN 'exposure'
      THEN `t53`.`shown`
      ELSE CAST(NULL AS BIGINT)
    END AS `useful`
  FROM (
    SELECT
      `t51`.`use_case`,
      `t51`.`day`,
      COUNT(*) AS `predictions`,
      SUM(CAST(NOT (
        `t51`.`unobserved`
      ) AS BIGINT)) AS `observed`,
      SUM(CAST(NOT (
        `t51`.`unobserved`
      ) AND `t51`.`unpriced` AS BIGINT)) AS `unpriced`,
      COALESCE(
        SUM(
          IF(NOT (
            `t51`.`unobserved`
          ), CAST(`t51`.`cost_pico_usd` AS DECIMAL(38, 0)), NULL)
        ),
        CAST(0 AS DECIMAL(38, 0))
      ) AS `cost_pico_usd`,
      SUM(CAST(NOT (
        `t51`.`unobserved`
      ) AND `t51`.`good` AS BIGINT)) AS `served`,
      SUM(
        CAST(NOT (
          `t51`.`unobserved`
        )
        AND `t51`.`good`
        AND (
          `t51`.`exposed` OR `t51`.`touched`
        ) AS BIGINT)
      ) AS `shown`,
      SUM(
        CAST(NOT (
          `t51`.`unobserved`
        ) AND `t51`.`good` AND `t51`.`touched` AS BIGINT)
      ) AS `acted`
    FROM (
      SELECT
        `t14`.`use_case`,
        `t14`.`day`,
        `t14`.`cost_pico_usd`,
        `t14`.`good`,
        `t14`.`unpriced`,
        COALESCE(`t50`.`exposed`, FALSE) AS `exposed`,
        COALESCE(`t50`.`touched`, FALSE) AS `touched`,
        COALESCE(`t50`.`unobserved`, FALSE) AS `unobserved`
      FROM (
        SELECT
          `t1`.`prediction_id`,
          `t1`.`tenant`,
          `t1`.`use_case`,
          `t1`.`cost_pico_usd`,
          IF(
            (
              `t1`.`time_s` >= -62135596800.0
            ) AND (
              `t1`.`time_s` < 253402300800.0
            ),
            CAST(FLOOR(`t1`.`time_s` / 86400.0) AS BIGINT),
            0
          ) AS `day`,
          `t1`.`status` IN ('answered', 'cached', 'fallback')
          AND `t1`.`in_budget`
          AND (
            (
              `t1`.`subject` <> ''
            ) OR (
              `t1`.`session` <> ''
            )
          ) AS `good`,
          (
            `t1`.`cost_pico_usd` IS NULL
          ) AND (
            `t1`.`status` <> 'refused'
          ) AS `unpriced`
        FROM `p` AS `t1`
        WHERE
          (
            CAST(:start_s AS DOUBLE) IS NULL
            OR ISNAN(CAST(:start_s AS DOUBLE))
            OR (
              `t1`.`time_s` >= CAST(:start_s AS DOUBLE)
            )
          )
          AND (
            CAST(:end_s AS DOUBLE) IS NULL
            OR ISNAN(CAST(:end_s AS DOUBLE))
            OR (
              `t1`.`time_s` < CAST(:end_s AS DOUBLE)
            )
          )
          AND (
            (
              :policy_id IS NULL
            ) OR (
              `t1`.`policy_id` = :policy_id
            )
          )
          AND (
            (
              :plan_id IS NULL
            ) OR (
              `t1`.`plan_id` = :plan_id
            )
          )
          AND (
            (
              :use_case IS NULL
            ) OR (
              `t1`.`use_case` = :use_case
            )
          )
          AND (
            (
              :deployment IS NULL
            ) OR (
              `t1`.`deployment` = :deployment
            )
          )
      ) AS `t14`
      LEFT OUTER JOIN (
        SELECT
          `t48`.`tenant`,
          `t48`.`target`,
          (
            `t48`.`bits` & 1
          ) <> 0 AS `exposed`,
          (
            `t48`.`bits` & 2
          ) <> 0 AS `touched`,
          (
            `t48`.`bits` & 4
          ) <> 0 AS `unobserved`
        FROM (
          SELECT
            `t47`.`tenant`,
            `t47`.`target`,
            BIT_OR(`t47`.`bit`) AS `bits`
          FROM (
            SELECT
              `t46`.`tenant`,
              `t46`.`kind`,
              `t46`.`value`,
              `t46`.`currency`,
              `t46`.`target`,
              CAST(CASE `t46`.`kind`
                WHEN 'exposure'
                THEN 1
                WHEN 'click'
                THEN 2
                WHEN 'conversion'
                THEN 2
                WHEN 'revenue'
                THEN 2
                WHEN 'unobserved'
                THEN 4
                ELSE 0
              END AS INT) AS `bit`
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  `t2`.`tenant`,
                  `t2`.`kind`,
                  `t2`.`value`,
                  `t2`.`currency`,
                  `t2`.`prediction_id` AS `target`
                FROM `o` AS `t2`
                WHERE
                  NOT (
                    `t2`.`kind` IN ('consent', 'identify')
                  ) AND `t2`.`prediction_id` <> ''
              ) AS `t8`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  `t12`.`tenant`,
                  `t12`.`kind`,
                  `t12`.`value`,
                  `t12`.`currency`,
                  `t44`.`target`
                FROM (
                  SELECT
                    `t2`.`tenant`,
                    `t2`.`source`,
                    `t2`.`event_id`,
                    `t2`.`kind`,
                    `t2`.`time_s`,
                    `t2`.`prediction_id`,
                    `t2`.`subject`,
                    `t2`.`use_case`,
                    `t2`.`consent`,
                    `t2`.`value`,
                    `t2`.`currency`
                  FROM `o` AS `t2`
                  WHERE
                    NOT (
                      `t2`.`kind` IN ('consent', 'identify')
                    )
                ) AS `t12`
                INNER JOIN (
                  SELECT
                    `t42`.`tenant`,
                    `t42`.`source`,
                    `t42`.`event_id`,
                    `t42`.`target`,
                    `t42`.`denied`
                  FROM (
                    SELECT
                      `t41`.`tenant`,
                      `t41`.`source`,
                      `t41`.`event_id`,
                      `t41`.`touch_s`,
                      `t41`.`target`,
                      `t41`.`denied`,
                      ROW_NUMBER() OVER (
                        PARTITION BY `t41`.`tenant`, `t41`.`source`, `t41`.`event_id`
                        ORDER BY `t41`.`touch_s` DESC, `t41`.`target` DESC
                      ) - 1 AS `place`
                    FROM (
                      SELECT
                        `t40`.`tenant`,
                        `t40`.`source`,
                        `t40`.`event_id`,
                        `t40`.`touch_s`,
                        `t40`.`target`,
                        (
                          `t40`.`consent` = 'denied'
                        ) OR (
                          `t40`.`touch_consent` = 'denied'
                        ) AS `denied`
                      FROM (
                        SELECT
                          `t39`.`tenant`,
                          `t39`.`subject`,
                          `t39`.`use_case`,
                          `t39`.`touch_at`,
                          `t39`.`source`,
                          `t39`.`event_id`,
                          `t39`.`consent`,
                          `t39`.`time_s`,
                          `t39`.`opens_s`,
                          `t29`.`touch_s`,
                          `t29`.`target`,
                          `t29`.`touch_consent`
                        FROM (
                          SELECT
                            `t37`.`tenant`,
                            `t37`.`subject`,
                            `t37`.`use_case`,
                            `t37`.`touch_at`,
                            `t37`.`source`,
                            `t37`.`event_id`,
                            `t37`.`consent`,
                            `t37`.`time_s`,
                            `t37`.`opens_s`
                          FROM (
                            SELECT
                              *
                            FROM (
                              SELECT
                                `t35`.`tenant`,
                                `t35`.`subject`,
                                `t35`.`use_case`,
                                `t35`.`at`,
                                MAX(`t35`.`touch_at`) OVER (
                                  PARTITION BY `t35`.`tenant`, `t35`.`subject`, `t35`.`use_case`
                                  ORDER BY `t35`.`at` ASC NULLS LAST
                                  RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                                ) AS `touch_at`,
                                `t35`.`source`,
                                `t35`.`event_id`,
                                `t35`.`consent`,
                                `t35`.`time_s`,
                                `t35`.`opens_s`
                              FROM (
                                SELECT
                                  *
                                FROM (
                                  SELECT
                                    `t25`.`tenant`,
                                    `t25`.`subject`,
                                    `t25`.`use_case`,
                                    `t25`.`at`,
                                    `t25`.`at` AS `touch_at`,
                                    CAST(NULL AS STRING) AS `source`,
                                    CAST(NULL AS STRING) AS `event_id`,
                                    CAST(NULL AS STRING) AS `consent`,
                                    CAST(NULL AS DOUBLE) AS `time_s`,
                                    CAST(NULL AS DOUBLE) AS `opens_s`
                                  FROM `t24` AS `t25`
                                ) AS `t26`
                                UNION ALL
                                SELECT
                                  *
                                FROM (
                                  SELECT
                                    `t33`.`tenant`,
                                    `t33`.`subject`,
                                    `t33`.`use_case`,
                                    `t33`.`at`,
                                    CAST(NULL AS DOUBLE) AS `touch_at`,
                                    `t33`.`source`,
                                    `t33`.`event_id`,
                                    `t33`.`consent`,
                                    `t33`.`time_s`,
                                    `t33`.`opens_s`
                                  FROM (
                                    SELECT
                                      `t15`.`tenant`,
                                      `t15`.`source`,
                                      `t15`.`event_id`,
                                      `t15`.`subject`,
                                      `t15`.`consent`,
                                      `t32`.`touch`,
                                      `t15`.`time_s`,
                                      `t32`.`place` AS `use_case`,
                                      `t15`.`time_s` - `t32`.`window_s` AS `opens_s`,
                                      IF(`t32`.`touch` = 'first', -(
                                        `t15`.`time_s` - `t32`.`window_s`
                                      ), `t15`.`time_s`) AS `at`
                                    FROM `t10` AS `t15`
                                    INNER JOIN (
                                      SELECT
                                        `t30`.`touch`,
                                        `t30`.`window_s`,
                                        `t30`.`tenant` AS `owner`,
                                        `t30`.`subject` AS `who`,
                                        `t30`.`use_case` AS `place`
                                      FROM (
                                        SELECT
                                          `t28`.`tenant`,
                                          `t28`.`subject`,
                                          `t28`.`use_case`,
                                          `t28`.`touch`,
                                          `t28`.`window_s`,
                                          COUNT(*) AS `rows`
                                        FROM (
                                          SELECT
                                            `t25`.`tenant`,
                                            `t25`.`subject`,
                                            `t25`.`use_case`,
                                            `t25`.`touch`,
                                            `t25`.`window_s`,
                                            `t25`.`at`,
                                            `t25`.`time_s` AS `touch_s`,
                                            IF(`t25`.`touch` = 'first', `t25`.`low`, `t25`.`high`) AS `target`,
                                            IF(`t25`.`touch` = 'first', `t25`.`low_consent`, `t25`.`high_consent`) AS `touch_consent`
                                          FROM `t24` AS `t25`
                                        ) AS `t28`
                                        GROUP BY
                                          1,
                                          2,
                                          3,
                                          4,
                                          5
                                      ) AS `t30`
                                    ) AS `t32`
                                      ON `t15`.`tenant` = `t32`.`owner`
                                      AND `t15`.`subject` = `t32`.`who`
                                      AND (
                                        (
                                          `t15`.`use_case` = ''
                                        ) OR (
                                          `t15`.`use_case` = `t32`.`place`
                                        )
                                      )
                                  ) AS `t33`
                                ) AS `t34`
                              ) AS `t35`
                            ) AS `t36`
                            WHERE
                              `t36`.`event_id` IS NOT NULL
                              AND (
                                `t36`.`touch_at` IS NOT NULL AND NOT ISNAN(`t36`.`touch_at`)
                              )
                          ) AS `t37`
                        ) AS `t39`
                        INNER JOIN (
                          SELECT
                            `t25`.`tenant`,
                            `t25`.`subject`,
                            `t25`.`use_case`,
                            `t25`.`time_s` AS `touch_s`,
                            IF(`t25`.`touch` = 'first', `t25`.`low`, `t25`.`high`) AS `target`,
                            IF(`t25`.`touch` = 'first', `t25`.`low_consent`, `t25`.`high_consent`) AS `touch_consent`,
                            `t25`.`at` AS `touch_at`
                          FROM `t24` AS `t25`
                        ) AS `t29`
                          ON `t39`.`tenant` = `t29`.`tenant`
                          AND `t39`.`subject` = `t29`.`subject`
                          AND `t39`.`use_case` = `t29`.`use_case`
                          AND `t39`.`touch_at` = `t29`.`touch_at`
                      ) AS `t40`
                      WHERE
                        `t40`.`touch_s` >= `t40`.`opens_s` AND `t40`.`touch_s` <= `t40`.`time_s`
                    ) AS `t41`
                  ) AS `t42`
                  WHERE
                    `t42`.`place` = 0 AND NOT (
                      `t42`.`denied`
                    )
                ) AS `t44`
                  ON `t12`.`tenant` = `t44`.`tenant`
                  AND `t12`.`source` = `t44`.`source`
                  AND `t12`.`event_id` = `t44`.`event_id`
              ) AS `t45`
            ) AS `t46`
          ) AS `t47`
          GROUP BY
            1,
            2
        ) AS `t48`
      ) AS `t50`
        ON `t14`.`prediction_id` = `t50`.`target` AND `t14`.`tenant` = `t50`.`tenant`
    ) AS `t51`
    GROUP BY
      1,
      2
  ) AS `t53`
  LEFT OUTER JOIN (
    SELECT
      `t0`.`used_when`,
      `t0`.`use_case` AS `measured`
    FROM `measures` AS `t0`
  ) AS `t6`
    ON `t53`.`use_case` = `t6`.`measured`
) AS `t54`
ORDER BY
  `t54`.`use_case` ASC NULLS LAST,
  `t54`.`day` ASC NULLS LAST
