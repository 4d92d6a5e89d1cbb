-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  `t0`.`time_s`,
  CAST(`t0`.`served_input_tokens` AS DOUBLE) AS `input_tokens`,
  CAST(`t0`.`served_output_tokens` AS DOUBLE) AS `output_tokens`
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
ORDER BY
  `t0`.`time_s` ASC NULLS LAST,
  `t0`.`prediction_id` ASC NULLS LAST
