-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  "t2"."value"
FROM (
  SELECT
    "t1"."value",
    ROW_NUMBER() OVER (
      ORDER BY "t1"."value" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) - 1 AS "place",
    GREATEST(
      1,
      CAST(CEIL(COUNT(*) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) / 20000) AS BIGINT)
    ) AS "step"
  FROM (
    SELECT
      "t0"."tpot_s" AS "value"
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
      AND "t0"."tpot_s" IS NOT NULL
      AND "t0"."status" IN ('answered', 'cached', 'fallback')
  ) AS "t1"
) AS "t2"
WHERE
  (
    "t2"."place" % "t2"."step"
  ) = 0
ORDER BY
  "t2"."value" ASC
