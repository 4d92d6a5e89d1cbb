-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    "t13"."use_case",
    "t13"."day",
    "t13"."predictions",
    "t13"."observed",
    "t13"."unpriced",
    "t13"."cost_pico_usd",
    CASE "t4"."used_when"
      WHEN 'delivered'
      THEN "t13"."served"
      WHEN 'outcome'
      THEN "t13"."acted"
      WHEN 'exposure'
      THEN "t13"."shown"
      ELSE CAST(NULL AS BIGINT)
    END AS "useful"
  FROM (
    SELECT
      "t11"."use_case",
      "t11"."day",
      COUNT(*) AS "predictions",
      COUNT(*) FILTER(WHERE
        NOT (
          "t11"."unobserved"
        )) AS "observed",
      COUNT(*) FILTER(WHERE
        NOT (
          "t11"."unobserved"
        ) AND "t11"."unpriced") AS "unpriced",
      COALESCE(
        SUM(CAST("t11"."cost_pico_usd" AS DECIMAL(38, 0))) FILTER(WHERE
          NOT (
            "t11"."unobserved"
          )),
        CAST(0 AS DECIMAL(38, 0))
      ) AS "cost_pico_usd",
      COUNT(*) FILTER(WHERE
        NOT (
          "t11"."unobserved"
        ) AND "t11"."good") AS "served",
      COUNT(*) FILTER(WHERE
        NOT (
          "t11"."unobserved"
        )
        AND "t11"."good"
        AND (
          "t11"."exposed" OR "t11"."touched"
        )) AS "shown",
      COUNT(*) FILTER(WHERE
        NOT (
          "t11"."unobserved"
        ) AND "t11"."good" AND "t11"."touched") AS "acted"
    FROM (
      SELECT
        "t7"."use_case",
        "t7"."day",
        "t7"."cost_pico_usd",
        "t7"."good",
        "t7"."unpriced",
        COALESCE("t10"."exposed", FALSE) AS "exposed",
        COALESCE("t10"."touched", FALSE) AS "touched",
        COALESCE("t10"."unobserved", FALSE) AS "unobserved"
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
          "t8"."tenant",
          "t8"."target",
          (
            "t8"."bits" & 1
          ) <> 0 AS "exposed",
          (
            "t8"."bits" & 2
          ) <> 0 AS "touched",
          (
            "t8"."bits" & 4
          ) <> 0 AS "unobserved"
        FROM (
          SELECT
            "t5"."tenant",
            "t5"."target",
            BIT_OR("t5"."bit") AS "bits"
          FROM (
            SELECT
              "t2"."tenant",
              "t2"."kind",
              "t2"."value",
              "t2"."currency",
              "t2"."prediction_id" AS "target",
              CAST(CASE "t2"."kind"
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
              END AS INT) AS "bit"
            FROM "o" AS "t2"
            WHERE
              NOT (
                "t2"."kind" IN ('consent', 'identify')
              ) AND "t2"."prediction_id" <> ''
          ) AS "t5"
          GROUP BY
            1,
            2
        ) AS "t8"
      ) AS "t10"
        ON "t7"."prediction_id" = "t10"."target" AND "t7"."tenant" = "t10"."tenant"
    ) AS "t11"
    GROUP BY
      1,
      2
  ) AS "t13"
  LEFT OUTER JOIN (
    SELECT
      "t0"."used_when",
      "t0"."use_case" AS "measured"
    FROM "measures" AS "t0"
  ) AS "t4"
    ON "t13"."use_case" = "t4"."measured"
) AS "t14"
ORDER BY
  "t14"."use_case" ASC,
  "t14"."day" ASC
