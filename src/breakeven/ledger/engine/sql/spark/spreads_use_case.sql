-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    `t1`.`key`,
    COUNT(`t1`.`ttft_s`) AS `ttft_s_n`,
    PERCENTILE(`t1`.`ttft_s`, ARRAY(0.5, 0.95, 0.99)) AS `ttft_s_shares`,
    COALESCE(
      SUM(
        IF(
          ABS(RINT(`t1`.`ttft_s` * 1000000000.0)) < 9.2e+18,
          CAST(CAST(RINT(`t1`.`ttft_s` * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
          CAST(RINT(`t1`.`ttft_s` * 1000000000.0) AS DECIMAL(38, 0))
        )
      ),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `ttft_s_ns`,
    COUNT(`t1`.`tpot_s`) AS `tpot_s_n`,
    PERCENTILE(`t1`.`tpot_s`, ARRAY(0.5, 0.95, 0.99)) AS `tpot_s_shares`,
    COALESCE(
      SUM(
        IF(
          ABS(RINT(`t1`.`tpot_s` * 1000000000.0)) < 9.2e+18,
          CAST(CAST(RINT(`t1`.`tpot_s` * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
          CAST(RINT(`t1`.`tpot_s` * 1000000000.0) AS DECIMAL(38, 0))
        )
      ),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `tpot_s_ns`,
    COUNT(`t1`.`total_s`) AS `total_s_n`,
    PERCENTILE(`t1`.`total_s`, ARRAY(0.5, 0.95, 0.99)) AS `total_s_shares`,
    COALESCE(
      SUM(
        IF(
          ABS(RINT(`t1`.`total_s` * 1000000000.0)) < 9.2e+18,
          CAST(CAST(RINT(`t1`.`total_s` * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
          CAST(RINT(`t1`.`total_s` * 1000000000.0) AS DECIMAL(38, 0))
        )
      ),
      CAST(0 AS DECIMAL(38, 0))
    ) AS `total_s_ns`
  FROM (
    SELECT
      `t0`.`ttft_s`,
      `t0`.`tpot_s`,
      `t0`.`total_s`,
      `t0`.`use_case` AS `key`
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
      AND `t0`.`status` IN ('answered', 'cached', 'fallback')
  ) AS `t1`
  GROUP BY
    1
) AS `t2`
ORDER BY
  `t2`.`key` ASC NULLS LAST
