-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT DISTINCT
  "t0"."policy_id"
FROM "p" AS "t0"
WHERE
  (
    (
      CAST($start_s AS DOUBLE) IS NULL
    )
    OR (
      "t0"."time_s" >= CAST($start_s AS DOUBLE)
    )
  )
  AND (
    (
      CAST($end_s AS DOUBLE) IS NULL
    )
    OR (
      "t0"."time_s" < CAST($end_s AS DOUBLE)
    )
  )
  AND (
    (
      $policy_id IS NULL
    ) OR (
      "t0"."policy_id" = $policy_id
    )
  )
  AND (
    (
      $plan_id IS NULL
    ) OR (
      "t0"."plan_id" = $plan_id
    )
  )
  AND (
    (
      $use_case IS NULL
    ) OR (
      "t0"."use_case" = $use_case
    )
  )
  AND (
    (
      $deployment IS NULL
    ) OR (
      "t0"."deployment" = $deployment
    )
  )
  AND "t0"."policy_id" <> ''
ORDER BY
  "t0"."policy_id" ASC
