-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    "t12"."use_case",
    "t12"."day",
    "t12"."predictions",
    "t12"."observed",
    "t12"."unpriced",
    "t12"."cost_pico_usd",
    CASE "t4"."used_when"
      WHEN 'delivered'
      THEN "t12"."served"
      WHEN 'outcome'
      THEN "t12"."acted"
      WHEN 'exposure'
      THEN "t12"."shown"
      ELSE CAST(NULL AS BIGINT)
    END AS "useful"
  FROM (
    SELECT
      "t10"."use_case",
      "t10"."day",
      COUNT(*) AS "predictions",
      COUNT(*) FILTER(WHERE
        NOT (
          "t10"."unobserved"
        )) AS "observed",
      COUNT(*) FILTER(WHERE
        NOT (
          "t10"."unobserved"
        ) AND "t10"."unpriced") AS "unpriced",
      COALESCE(
        SUM(CAST("t10"."cost_pico_usd" AS DECIMAL(38, 0))) FILTER(WHERE
          NOT (
            "t10"."unobserved"
          )),
        CAST(0 AS DECIMAL(38, 0))
      ) AS "cost_pico_usd",
      COUNT(*) FILTER(WHERE
        NOT (
          "t10"."unobserved"
        ) AND "t10"."good") AS "served",
      COUNT(*) FILTER(WHERE
        NOT (
          "t10"."unobserved"
        )
        AND "t10"."good"
        AND (
          "t10"."exposed" OR "t10"."touched"
        )) AS "shown",
      COUNT(*) FILTER(WHERE
        NOT (
          "t10"."unobserved"
        ) AND "t10"."good" AND "t10"."touched") AS "acted"
    FROM (
      SELECT
        "t7"."use_case",
        "t7"."day",
        "t7"."cost_pico_usd",
        "t7"."good",
        "t7"."unpriced",
        COALESCE("t9"."exposed", FALSE) AS "exposed",
        COALESCE("t9"."touched", FALSE) AS "touched",
        COALESCE("t9"."unobserved", FALSE) AS "unobserved"
      FROM (
        SELECT
          "t1"."prediction_id",
          "t1"."tenant",
          "t1"."use_case",
          "t1"."cost_pico_usd",
          CASE
            WHEN (
              "t1"."time_s" >= -62135596800.0
            ) AND (
              "t1"."time_s" < 253402300800.0
            )
            THEN CAST(FLOOR("t1"."time_s" / 86400.0) AS BIGINT)
            ELSE 0
          END AS "day",
          "t1"."status" IN ('answered', 'cached', 'fallback')
          AND "t1"."in_budget"
          AND (
            (
              "t1"."subject" <> ''
            ) OR (
              "t1"."session" <> ''
            )
          ) AS "good",
          (
            "t1"."cost_pico_usd" IS NULL
          ) AND (
            "t1"."status" <> 'refused'
          ) AS "unpriced"
        FROM "p" AS "t1"
        WHERE
          (
            (
              CAST($start_s AS DOUBLE) IS NULL
            )
            OR (
              "t1"."time_s" >= CAST($start_s AS DOUBLE)
            )
          )
          AND (
            (
              CAST($end_s AS DOUBLE) IS NULL
            )
            OR (
              "t1"."time_s" < CAST($end_s AS DOUBLE)
            )
          )
          AND (
            (
              $policy_id IS NULL
            ) OR (
              "t1"."policy_id" = $policy_id
            )
          )
          AND (
            (
              $plan_id IS NULL
            ) OR (
              "t1"."plan_id" = $plan_id
            )
          )
          AND (
            (
              $use_case IS NULL
            ) OR (
              "t1"."use_case" = $use_case
            )
          )
          AND (
            (
              $deployment IS NULL
            ) OR (
              "t1"."deployment" = $deployment
            )
          )
      ) AS "t7"
      LEFT OUTER JOIN (
        SELECT
          "t5"."tenant",
          "t5"."target",
          BOOL_OR(CAST("t5"."kind" = 'exposure' AS BOOLEAN)) AS "exposed",
          BOOL_OR(CAST("t5"."kind" IN ('click', 'conversion', 'revenue') AS BOOLEAN)) AS "touched",
          BOOL_OR(CAST("t5"."kind" = 'unobserved' AS BOOLEAN)) AS "unobserved"
        FROM (
          SELECT
            "t2"."tenant",
            "t2"."kind",
            "t2"."value",
            "t2"."currency",
            "t2"."prediction_id" AS "target"
          FROM "o" AS "t2"
          WHERE
            "t2"."prediction_id" <> ''
        ) AS "t5"
        GROUP BY
          1,
          2
      ) AS "t9"
        ON "t7"."prediction_id" = "t9"."target" AND "t7"."tenant" = "t9"."tenant"
    ) AS "t10"
    GROUP BY
      1,
      2
  ) AS "t12"
  LEFT OUTER JOIN (
    SELECT
      "t0"."used_when",
      "t0"."use_case" AS "measured"
    FROM "measures" AS "t0"
  ) AS "t4"
    ON "t12"."use_case" = "t4"."measured"
) AS "t13"
ORDER BY
  "t13"."use_case" ASC,
  "t13"."day" ASC
