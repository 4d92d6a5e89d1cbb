-- Made by scripts/build_questions.py from engine/ask: change it there.
WITH `t22` AS (
  SELECT
    `t21`.`tenant`,
    `t21`.`subject`,
    `t21`.`use_case`,
    `t21`.`touch`,
    `t21`.`window_s`,
    `t21`.`time_s`,
    `t21`.`at`,
    MIN(`t21`.`prediction_id`) AS `low`,
    MAX(`t21`.`prediction_id`) AS `high`,
    MIN_BY(`t21`.`consent`, `t21`.`prediction_id`) AS `low_consent`,
    MAX_BY(`t21`.`consent`, `t21`.`prediction_id`) AS `high_consent`
  FROM (
    SELECT
      `t20`.`tenant`,
      `t20`.`subject`,
      `t20`.`use_case`,
      `t20`.`time_s`,
      `t20`.`prediction_id`,
      `t20`.`consent`,
      `t20`.`window_s`,
      `t20`.`touch`,
      IF(`t20`.`touch` = 'first', -(
        `t20`.`time_s`
      ), `t20`.`time_s`) AS `at`
    FROM (
      SELECT
        `t19`.`tenant`,
        `t19`.`subject`,
        `t19`.`use_case`,
        `t19`.`time_s`,
        `t19`.`prediction_id`,
        `t19`.`consent`,
        COALESCE(`t8`.`window_s`, 1800.0) AS `window_s`,
        COALESCE(`t8`.`touch`, 'last') AS `touch`
      FROM (
        SELECT
          `t17`.`tenant`,
          `t17`.`subject`,
          `t17`.`use_case`,
          `t17`.`time_s`,
          `t17`.`prediction_id`,
          `t17`.`consent`
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
            `t3`.`action_propensities`
          FROM `p` AS `t3`
          LEFT SEMI JOIN (
            SELECT DISTINCT
              `t2`.`tenant`,
              `t2`.`subject`
            FROM `o` AS `t2`
            WHERE
              `t2`.`prediction_id` = '' AND `t2`.`subject` <> ''
          ) AS `t14`
            ON `t3`.`tenant` = `t14`.`tenant` AND `t3`.`subject` = `t14`.`subject`
        ) AS `t17`
        WHERE
          `t17`.`status` IN ('answered', 'cached', 'fallback') AND `t17`.`subject` <> ''
      ) AS `t19`
      LEFT OUTER JOIN (
        SELECT
          `t0`.`window_s`,
          `t0`.`touch`,
          `t0`.`use_case` AS `measured`
        FROM `measures` AS `t0`
      ) AS `t8`
        ON `t19`.`use_case` = `t8`.`measured`
    ) AS `t20`
  ) AS `t21`
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
    `t49`.`use_case`,
    `t49`.`day`,
    `t49`.`predictions`,
    `t49`.`observed`,
    `t49`.`unpriced`,
    `t49`.`cost_pico_usd`,
    CASE `t7`.`used_when`
      WHEN 'delivered'
      THEN `t49`.`served`
      WHEN 'outcome'
      THEN `t49`.`acted`
      WHEN 'exposure'
      THEN `t49`.`shown`
      ELSE CAST(NULL AS BIGINT)
    END AS `useful`
  FROM (
    SELECT
      `t47`.`use_case`,
      `t47`.`day`,
      COUNT(*) AS `predictions`,
      SUM(CAST(NOT (
        `t47`.`unobserved`
      ) AS BIGINT)) AS `observed`,
      SUM(CAST(NOT (
        `t47`.`unobserved`
      ) AND `t47`.`unpriced` AS BIGINT)) AS `unpriced`,
      COALESCE(
        SUM(
          IF(NOT (
            `t47`.`unobserved`
          ), CAST(`t47`.`cost_pico_usd` AS DECIMAL(38, 0)), NULL)
        ),
        CAST(0 AS DECIMAL(38, 0))
      ) AS `cost_pico_usd`,
      SUM(CAST(NOT (
        `t47`.`unobserved`
      ) AND `t47`.`good` AS BIGINT)) AS `served`,
      SUM(
        CAST(NOT (
          `t47`.`unobserved`
        )
        AND `t47`.`good`
        AND (
          `t47`.`exposed` OR `t47`.`touched`
        ) AS BIGINT)
      ) AS `shown`,
      SUM(
        CAST(NOT (
          `t47`.`unobserved`
        ) AND `t47`.`good` AND `t47`.`touched` AS BIGINT)
      ) AS `acted`
    FROM (
      SELECT
        `t16`.`use_case`,
        `t16`.`day`,
        `t16`.`cost_pico_usd`,
        `t16`.`good`,
        `t16`.`unpriced`,
        COALESCE(`t46`.`exposed`, FALSE) AS `exposed`,
        COALESCE(`t46`.`touched`, FALSE) AS `touched`,
        COALESCE(`t46`.`unobserved`, FALSE) AS `unobserved`
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
      ) AS `t16`
      LEFT OUTER JOIN (
        SELECT
          `t44`.`tenant`,
          `t44`.`target`,
          (
            `t44`.`bits` & 1
          ) <> 0 AS `exposed`,
          (
            `t44`.`bits` & 2
          ) <> 0 AS `touched`,
          (
            `t44`.`bits` & 4
          ) <> 0 AS `unobserved`
        FROM (
          SELECT
            `t43`.`tenant`,
            `t43`.`target`,
            BIT_OR(`t43`.`bit`) AS `bits`
          FROM (
            SELECT
              `t42`.`tenant`,
              `t42`.`kind`,
              `t42`.`value`,
              `t42`.`currency`,
              `t42`.`target`,
              CAST(CASE `t42`.`kind`
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
                  `t2`.`prediction_id` <> ''
              ) AS `t9`
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  `t12`.`tenant`,
                  `t12`.`kind`,
                  `t12`.`value`,
                  `t12`.`currency`,
                  `t40`.`target`
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
                ) AS `t12`
                INNER JOIN (
                  SELECT
                    `t38`.`tenant`,
                    `t38`.`source`,
                    `t38`.`event_id`,
                    `t38`.`target`,
                    `t38`.`denied`
                  FROM (
                    SELECT
                      `t37`.`tenant`,
                      `t37`.`source`,
                      `t37`.`event_id`,
                      `t37`.`touch_s`,
                      `t37`.`target`,
                      `t37`.`denied`,
                      ROW_NUMBER() OVER (
                        PARTITION BY `t37`.`tenant`, `t37`.`source`, `t37`.`event_id`
                        ORDER BY `t37`.`touch_s` DESC, `t37`.`target` DESC
                      ) - 1 AS `place`
                    FROM (
                      SELECT
                        `t36`.`tenant`,
                        `t36`.`source`,
                        `t36`.`event_id`,
                        `t36`.`touch_s`,
                        `t36`.`target`,
                        (
                          `t36`.`consent` = 'denied'
                        ) OR (
                          `t36`.`touch_consent` = 'denied'
                        ) AS `denied`
                      FROM (
                        SELECT
                          `t35`.`tenant`,
                          `t35`.`subject`,
                          `t35`.`use_case`,
                          `t35`.`touch_at`,
                          `t35`.`source`,
                          `t35`.`event_id`,
                          `t35`.`consent`,
                          `t35`.`time_s`,
                          `t35`.`opens_s`,
                          `t28`.`touch_s`,
                          `t28`.`target`,
                          `t28`.`touch_consent`
                        FROM (
                          SELECT
                            `t33`.`tenant`,
                            `t33`.`subject`,
                            `t33`.`use_case`,
                            `t33`.`touch_at`,
                            `t33`.`source`,
                            `t33`.`event_id`,
                            `t33`.`consent`,
                            `t33`.`time_s`,
                            `t33`.`opens_s`
                          FROM (
                            SELECT
                              *
                            FROM (
                              SELECT
                                `t31`.`tenant`,
                                `t31`.`subject`,
                                `t31`.`use_case`,
                                `t31`.`at`,
                                MAX(`t31`.`touch_at`) OVER (
                                  PARTITION BY `t31`.`tenant`, `t31`.`subject`, `t31`.`use_case`
                                  ORDER BY `t31`.`at` ASC NULLS LAST
                                  RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                                ) AS `touch_at`,
                                `t31`.`source`,
                                `t31`.`event_id`,
                                `t31`.`consent`,
                                `t31`.`time_s`,
                                `t31`.`opens_s`
                              FROM (
                                SELECT
                                  *
                                FROM (
                                  SELECT
                                    `t23`.`tenant`,
                                    `t23`.`subject`,
                                    `t23`.`use_case`,
                                    `t23`.`at`,
                                    `t23`.`at` AS `touch_at`,
                                    CAST(NULL AS STRING) AS `source`,
                                    CAST(NULL AS STRING) AS `event_id`,
                                    CAST(NULL AS STRING) AS `consent`,
                                    CAST(NULL AS DOUBLE) AS `time_s`,
                                    CAST(NULL AS DOUBLE) AS `opens_s`
                                  FROM `t22` AS `t23`
                                ) AS `t24`
                                UNION ALL
                                SELECT
                                  *
                                FROM (
                                  SELECT
                                    `t29`.`tenant`,
                                    `t29`.`subject`,
                                    `t29`.`use_case`,
                                    `t29`.`at`,
                                    CAST(NULL AS DOUBLE) AS `touch_at`,
                                    `t29`.`source`,
                                    `t29`.`event_id`,
                                    `t29`.`consent`,
                                    `t29`.`time_s`,
                                    `t29`.`opens_s`
                                  FROM (
                                    SELECT
                                      `t13`.`tenant`,
                                      `t13`.`source`,
                                      `t13`.`event_id`,
                                      `t13`.`subject`,
                                      `t13`.`consent`,
                                      `t26`.`touch`,
                                      `t13`.`time_s`,
                                      `t26`.`place` AS `use_case`,
                                      `t13`.`time_s` - `t26`.`window_s` AS `opens_s`,
                                      IF(`t26`.`touch` = 'first', -(
                                        `t13`.`time_s` - `t26`.`window_s`
                                      ), `t13`.`time_s`) AS `at`
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
                                        `t2`.`prediction_id` = '' AND `t2`.`subject` <> ''
                                    ) AS `t13`
                                    INNER JOIN (
                                      SELECT DISTINCT
                                        `t23`.`touch`,
                                        `t23`.`window_s`,
                                        `t23`.`tenant` AS `owner`,
                                        `t23`.`subject` AS `who`,
                                        `t23`.`use_case` AS `place`
                                      FROM `t22` AS `t23`
                                    ) AS `t26`
                                      ON `t13`.`tenant` = `t26`.`owner`
                                      AND `t13`.`subject` = `t26`.`who`
                                      AND (
                                        (
                                          `t13`.`use_case` = ''
                                        ) OR (
                                          `t13`.`use_case` = `t26`.`place`
                                        )
                                      )
                                  ) AS `t29`
                                ) AS `t30`
                              ) AS `t31`
                            ) AS `t32`
                            WHERE
                              `t32`.`event_id` IS NOT NULL
                              AND (
                                `t32`.`touch_at` IS NOT NULL AND NOT ISNAN(`t32`.`touch_at`)
                              )
                          ) AS `t33`
                        ) AS `t35`
                        INNER JOIN (
                          SELECT
                            `t23`.`tenant`,
                            `t23`.`subject`,
                            `t23`.`use_case`,
                            `t23`.`time_s` AS `touch_s`,
                            IF(`t23`.`touch` = 'first', `t23`.`low`, `t23`.`high`) AS `target`,
                            IF(`t23`.`touch` = 'first', `t23`.`low_consent`, `t23`.`high_consent`) AS `touch_consent`,
                            `t23`.`at` AS `touch_at`
                          FROM `t22` AS `t23`
                        ) AS `t28`
                          ON `t35`.`tenant` = `t28`.`tenant`
                          AND `t35`.`subject` = `t28`.`subject`
                          AND `t35`.`use_case` = `t28`.`use_case`
                          AND `t35`.`touch_at` = `t28`.`touch_at`
                      ) AS `t36`
                      WHERE
                        `t36`.`touch_s` >= `t36`.`opens_s` AND `t36`.`touch_s` <= `t36`.`time_s`
                    ) AS `t37`
                  ) AS `t38`
                  WHERE
                    `t38`.`place` = 0 AND NOT (
                      `t38`.`denied`
                    )
                ) AS `t40`
                  ON `t12`.`tenant` = `t40`.`tenant`
                  AND `t12`.`source` = `t40`.`source`
                  AND `t12`.`event_id` = `t40`.`event_id`
              ) AS `t41`
            ) AS `t42`
          ) AS `t43`
          GROUP BY
            1,
            2
        ) AS `t44`
      ) AS `t46`
        ON `t16`.`prediction_id` = `t46`.`target` AND `t16`.`tenant` = `t46`.`tenant`
    ) AS `t47`
    GROUP BY
      1,
      2
  ) AS `t49`
  LEFT OUTER JOIN (
    SELECT
      `t0`.`used_when`,
      `t0`.`use_case` AS `measured`
    FROM `measures` AS `t0`
  ) AS `t7`
    ON `t49`.`use_case` = `t7`.`measured`
) AS `t50`
ORDER BY
  `t50`.`use_case` ASC NULLS LAST,
  `t50`.`day` ASC NULLS LAST
