-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  `t2`.`policy_id`
FROM (
  SELECT
    `t1`.`policy_id`,
    COUNT(*) AS `rows`
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
      AND `t0`.`policy_id` <> ''
  ) AS `t1`
  GROUP BY
    1
) AS `t2`
ORDER BY
  `t2`.`policy_id` ASC NULLS LAST
