-- Made by scripts/build_questions.py from engine/ask: change it there.
WITH "t25" AS (
  SELECT
    "t24"."tenant",
    "t24"."subject",
    "t24"."use_case",
    "t24"."touch",
    "t24"."window_s",
    "t24"."time_s",
    "t24"."at",
    MIN("t24"."prediction_id") AS "low",
    MAX("t24"."prediction_id") AS "high",
    FIRST("t24"."consent" ORDER BY "t24"."prediction_id") AS "low_consent",
    FIRST("t24"."consent" ORDER BY "t24"."prediction_id" DESC) AS "high_consent"
  FROM (
    SELECT
      "t23"."tenant",
      "t23"."subject",
      "t23"."use_case",
      "t23"."time_s",
      "t23"."prediction_id",
      "t23"."consent",
      "t23"."window_s",
      "t23"."touch",
      CASE WHEN "t23"."touch" = 'first' THEN -(
        "t23"."time_s"
      ) ELSE "t23"."time_s" END AS "at"
    FROM (
      SELECT
        "t22"."tenant",
        "t22"."subject",
        "t22"."use_case",
        "t22"."time_s",
        "t22"."prediction_id",
        "t22"."consent",
        COALESCE("t10"."window_s", 1800.0) AS "window_s",
        COALESCE("t10"."touch", 'last') AS "touch"
      FROM (
        SELECT
          "t20"."tenant",
          "t20"."subject",
          "t20"."use_case",
          "t20"."time_s",
          "t20"."prediction_id",
          "t20"."consent"
        FROM (
          SELECT
            "t4"."prediction_id",
            "t4"."use_case",
            "t4"."tenant",
            "t4"."time_s",
            "t4"."cost_pico_usd",
            "t4"."in_budget",
            "t4"."status",
            "t4"."deployment",
            "t4"."model",
            "t4"."placement",
            "t4"."arm",
            "t4"."policy_id",
            "t4"."plan_id",
            "t4"."tier",
            "t4"."request_id",
            "t4"."trace_id",
            "t4"."node",
            "t4"."sequence",
            "t4"."region",
            "t4"."device_class",
            "t4"."channel",
            "t4"."subject",
            "t4"."subject_kind",
            "t4"."session",
            "t4"."consent",
            "t4"."chosen",
            "t4"."cache",
            "t4"."reason",
            "t4"."price_id",
            "t4"."cost_basis",
            "t4"."tokens_basis",
            "t4"."energy_basis",
            "t4"."features_hash",
            "t4"."prompt",
            "t4"."action",
            "t4"."drill",
            "t4"."protocol",
            "t4"."parent_span_id",
            "t4"."seed",
            "t4"."http_status",
            "t4"."rows_scored",
            "t4"."version",
            "t4"."emulated",
            "t4"."stream",
            "t4"."total_s",
            "t4"."ttft_s",
            "t4"."tpot_s",
            "t4"."chunk_gap_max_s",
            "t4"."budget_s",
            "t4"."ttft_target_s",
            "t4"."tpot_target_s",
            "t4"."work_s",
            "t4"."in_flight",
            "t4"."energy_kwh",
            "t4"."served_input_tokens",
            "t4"."served_cached_input_tokens",
            "t4"."served_output_tokens",
            "t4"."served_reasoning_tokens",
            "t4"."consumed_input_tokens",
            "t4"."consumed_cached_input_tokens",
            "t4"."consumed_output_tokens",
            "t4"."consumed_reasoning_tokens",
            "t4"."billable_input_tokens",
            "t4"."billable_cached_input_tokens",
            "t4"."billable_output_tokens",
            "t4"."billable_reasoning_tokens",
            "t4"."priced_input_tokens",
            "t4"."priced_cached_input_tokens",
            "t4"."priced_output_tokens",
            "t4"."priced_reasoning_tokens",
            "t4"."labels",
            "t4"."eligible",
            "t4"."propensities",
            "t4"."attempts",
            "t4"."stages",
            "t4"."actions",
            "t4"."action_propensities"
          FROM "p" AS "t4"
          SEMI JOIN (
            SELECT DISTINCT
              "t3"."tenant",
              "t3"."subject"
            FROM "o" AS "t3"
            WHERE
              "t3"."prediction_id" = '' AND "t3"."subject" <> ''
          ) AS "t18"
            ON "t4"."tenant" = "t18"."tenant" AND "t4"."subject" = "t18"."subject"
        ) AS "t20"
        WHERE
          "t20"."status" IN ('answered', 'cached', 'fallback') AND "t20"."subject" <> ''
      ) AS "t22"
      LEFT OUTER JOIN (
        SELECT
          "t2"."window_s",
          "t2"."touch",
          "t2"."use_case" AS "measured"
        FROM "measures" AS "t2"
      ) AS "t10"
        ON "t22"."use_case" = "t10"."measured"
    ) AS "t23"
  ) AS "t24"
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
    "t50"."deployment",
    "t50"."hour",
    "t50"."day",
    "t50"."use_case",
    "t50"."tenant",
    "t50"."model",
    "t50"."arm",
    "t50"."fate",
    BOOL_OR(CAST("t50"."was_used" IS NOT NULL AS BOOLEAN)) AS "measurable",
    COUNT(*) AS "predictions",
    COUNT(*) FILTER(WHERE
      "t50"."status" = 'answered') AS "answered",
    COUNT(*) FILTER(WHERE
      "t50"."status" = 'cached') AS "cached",
    COUNT(*) FILTER(WHERE
      "t50"."status" = 'fallback') AS "fallback",
    COUNT(*) FILTER(WHERE
      "t50"."status" = 'refused') AS "refused",
    COUNT(*) FILTER(WHERE
      "t50"."status" = 'failed') AS "failed",
    COUNT(*) FILTER(WHERE
      "t50"."status" = 'cancelled') AS "cancelled",
    COUNT(*) FILTER(WHERE
      "t50"."in_budget") AS "in_budget",
    COUNT(*) FILTER(WHERE
      COALESCE("t50"."was_used", FALSE)) AS "used",
    COUNT(*) FILTER(WHERE
      "t50"."unpriced") AS "unpriced",
    COALESCE(
      SUM(CAST(COALESCE("t50"."cost_pico_usd", 0) AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "cost_pico_usd",
    COALESCE(SUM(CAST("t50"."work_pico_usd" AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS "work_pico_usd",
    MAX(
      CASE
        WHEN "t50"."unpriced"
        THEN 4
        WHEN COALESCE("t50"."cost_pico_usd", 0) = 0
        THEN 0
        ELSE CASE "t50"."cost_basis"
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
    ) AS "basis",
    COALESCE(SUM(CAST("t50"."revenue_micro" AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS "revenue_micro",
    COALESCE(
      SUM(CAST("t50"."served_input_tokens" AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "input_tokens",
    COALESCE(
      SUM(CAST("t50"."served_output_tokens" AS DECIMAL(38, 0))),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "output_tokens",
    COUNT(*) FILTER(WHERE
      "t50"."emulated") AS "emulated",
    COUNT("t50"."energy_kwh") AS "energy_rows",
    COALESCE(
      SUM(
        CASE
          WHEN ABS(RINT("t50"."energy_kwh" * 1000000000000000.0)) < 9.2e+18
          THEN CAST(CAST(RINT("t50"."energy_kwh" * 1000000000000000.0) AS BIGINT) AS DECIMAL(38, 0))
          ELSE CAST(RINT("t50"."energy_kwh" * 1000000000000000.0) AS DECIMAL(38, 0))
        END
      ),
      CAST(0 AS DECIMAL(38, 0))
    ) AS "energy_atto_kwh",
    MAX(
      CASE
        WHEN "t50"."energy_kwh" IS NOT NULL
        THEN CASE "t50"."energy_basis"
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
        ELSE 0
      END
    ) AS "energy_basis",
    MIN("t50"."time_s") AS "first_s",
    MAX("t50"."time_s") AS "last_s"
  FROM (
    SELECT
      "t49"."time_s",
      "t49"."use_case",
      "t49"."tenant",
      "t49"."model",
      "t49"."arm",
      "t49"."deployment",
      "t49"."status",
      "t49"."in_budget",
      "t49"."emulated",
      "t49"."subject",
      "t49"."session",
      "t49"."cost_pico_usd",
      "t49"."cost_basis",
      "t49"."served_input_tokens",
      "t49"."served_output_tokens",
      "t49"."energy_kwh",
      "t49"."energy_basis",
      "t49"."policy_id",
      "t49"."work_s",
      "t49"."exposed",
      "t49"."touched",
      "t49"."converted",
      "t49"."unobserved",
      "t49"."revenue_micro",
      "t49"."rate",
      "t49"."used_when",
      "t49"."was_used",
      "t49"."delivered",
      "t49"."unpriced",
      "t49"."work_pico_usd",
      CASE
        WHEN "t49"."work_pico_usd" <> 0
        THEN CAST(FLOOR("t49"."time_s" / 3600.0) AS BIGINT)
        ELSE -1
      END AS "hour",
      CASE
        WHEN (
          "t49"."time_s" >= -62135596800.0
        ) AND (
          "t49"."time_s" < 253402300800.0
        )
        THEN CAST(FLOOR("t49"."time_s" / 86400.0) AS BIGINT)
        ELSE 0
      END AS "day",
      CASE
        WHEN "t49"."unobserved"
        THEN 'unobserved'
        WHEN NOT (
          "t49"."delivered"
        )
        THEN 'not_served'
        WHEN NOT (
          "t49"."in_budget"
        )
        THEN 'late'
        WHEN "t49"."was_used" IS NULL
        THEN 'not_measurable'
        WHEN (
          "t49"."subject" = ''
        ) AND (
          "t49"."session" = ''
        )
        THEN 'unidentified'
        WHEN NOT (
          "t49"."was_used"
        )
        THEN 'not_used'
        WHEN "t49"."converted"
        THEN 'converted'
        ELSE 'used'
      END AS "fate"
    FROM (
      SELECT
        "t48"."time_s",
        "t48"."use_case",
        "t48"."tenant",
        "t48"."model",
        "t48"."arm",
        "t48"."deployment",
        "t48"."status",
        "t48"."in_budget",
        "t48"."emulated",
        "t48"."subject",
        "t48"."session",
        "t48"."cost_pico_usd",
        "t48"."cost_basis",
        "t48"."served_input_tokens",
        "t48"."served_output_tokens",
        "t48"."energy_kwh",
        "t48"."energy_basis",
        "t48"."policy_id",
        "t48"."work_s",
        "t48"."exposed",
        "t48"."touched",
        "t48"."converted",
        "t48"."unobserved",
        "t48"."revenue_micro",
        "t48"."rate",
        "t48"."used_when",
        CASE "t48"."used_when"
          WHEN 'delivered'
          THEN "t48"."status" IN ('answered', 'cached', 'fallback')
          WHEN 'outcome'
          THEN "t48"."status" IN ('answered', 'cached', 'fallback') AND "t48"."touched"
          WHEN 'exposure'
          THEN "t48"."status" IN ('answered', 'cached', 'fallback')
          AND (
            "t48"."exposed" OR "t48"."touched"
          )
          ELSE CAST(NULL AS BOOLEAN)
        END AS "was_used",
        "t48"."status" IN ('answered', 'cached', 'fallback') AS "delivered",
        (
          "t48"."cost_pico_usd" IS NULL
        ) AND (
          "t48"."status" <> 'refused'
        ) AS "unpriced",
        CASE
          WHEN (
            (
              "t48"."work_s" * CAST("t48"."rate" AS DOUBLE)
            ) IS NULL
          )
          OR (
            "t48"."cost_pico_usd" IS NULL
          )
          THEN 0
          WHEN (
            "t48"."work_s" * CAST("t48"."rate" AS DOUBLE)
          ) < 9.2e+18
          THEN LEAST(
            "t48"."cost_pico_usd",
            CAST(RINT("t48"."work_s" * CAST("t48"."rate" AS DOUBLE)) AS BIGINT)
          )
          ELSE "t48"."cost_pico_usd"
        END AS "work_pico_usd"
      FROM (
        SELECT
          "t19"."time_s",
          "t19"."use_case",
          "t19"."tenant",
          "t19"."model",
          "t19"."arm",
          "t19"."deployment",
          "t19"."status",
          "t19"."in_budget",
          "t19"."emulated",
          "t19"."subject",
          "t19"."session",
          "t19"."cost_pico_usd",
          "t19"."cost_basis",
          "t19"."served_input_tokens",
          "t19"."served_output_tokens",
          "t19"."energy_kwh",
          "t19"."energy_basis",
          "t19"."policy_id",
          "t19"."work_s",
          COALESCE("t47"."exposed", FALSE) AS "exposed",
          COALESCE("t47"."touched", FALSE) AS "touched",
          COALESCE("t47"."converted", FALSE) AS "converted",
          COALESCE("t47"."unobserved", FALSE) AS "unobserved",
          COALESCE("t47"."revenue_micro", CAST(0 AS DECIMAL(38, 0))) AS "revenue_micro",
          "t15"."rate",
          COALESCE("t9"."used_when", 'unmeasured') AS "used_when"
        FROM (
          SELECT
            *
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
        ) AS "t19"
        LEFT OUTER JOIN (
          SELECT
            "t45"."tenant",
            "t45"."target",
            BOOL_OR(CAST("t45"."kind" = 'exposure' AS BOOLEAN)) AS "exposed",
            BOOL_OR(CAST("t45"."kind" IN ('click', 'conversion', 'revenue') AS BOOLEAN)) AS "touched",
            BOOL_OR(CAST("t45"."kind" IN ('conversion', 'revenue') AS BOOLEAN)) AS "converted",
            BOOL_OR(CAST("t45"."kind" = 'unobserved' AS BOOLEAN)) AS "unobserved",
            CASE
              WHEN BOOL_OR(CAST("t45"."kind" = 'revenue' AS BOOLEAN))
              THEN COALESCE(
                SUM(
                  CASE
                    WHEN UPPER("t45"."currency") IN ('', 'USD') AND (
                      "t45"."value" IS NOT NULL
                    )
                    THEN CASE
                      WHEN ABS(RINT("t45"."value" * 1000000.0)) < 9.2e+18
                      THEN CAST(CAST(RINT("t45"."value" * 1000000.0) AS BIGINT) AS DECIMAL(38, 0))
                      ELSE CAST(RINT("t45"."value" * 1000000.0) AS DECIMAL(38, 0))
                    END
                    ELSE CAST(0 AS DECIMAL(38, 0))
                  END
                ) FILTER(WHERE
                  "t45"."kind" = 'revenue'),
                CAST(0 AS DECIMAL(38, 0))
              )
              ELSE COALESCE(
                SUM(
                  CASE
                    WHEN UPPER("t45"."currency") IN ('', 'USD') AND (
                      "t45"."value" IS NOT NULL
                    )
                    THEN CASE
                      WHEN ABS(RINT("t45"."value" * 1000000.0)) < 9.2e+18
                      THEN CAST(CAST(RINT("t45"."value" * 1000000.0) AS BIGINT) AS DECIMAL(38, 0))
                      ELSE CAST(RINT("t45"."value" * 1000000.0) AS DECIMAL(38, 0))
                    END
                    ELSE CAST(0 AS DECIMAL(38, 0))
                  END
                ) FILTER(WHERE
                  "t45"."kind" = 'conversion'),
                CAST(0 AS DECIMAL(38, 0))
              )
            END AS "revenue_micro"
          FROM (
            SELECT
              *
            FROM (
              SELECT
                "t3"."tenant",
                "t3"."kind",
                "t3"."value",
                "t3"."currency",
                "t3"."prediction_id" AS "target"
              FROM "o" AS "t3"
              WHERE
                "t3"."prediction_id" <> ''
            ) AS "t11"
            UNION ALL
            SELECT
              *
            FROM (
              SELECT
                "t14"."tenant",
                "t14"."kind",
                "t14"."value",
                "t14"."currency",
                "t43"."target"
              FROM (
                SELECT
                  "t3"."tenant",
                  "t3"."source",
                  "t3"."event_id",
                  "t3"."kind",
                  "t3"."time_s",
                  "t3"."prediction_id",
                  "t3"."subject",
                  "t3"."use_case",
                  "t3"."consent",
                  "t3"."value",
                  "t3"."currency"
                FROM "o" AS "t3"
              ) AS "t14"
              INNER JOIN (
                SELECT
                  "t41"."tenant",
                  "t41"."source",
                  "t41"."event_id",
                  "t41"."target",
                  "t41"."denied"
                FROM (
                  SELECT
                    "t40"."tenant",
                    "t40"."source",
                    "t40"."event_id",
                    "t40"."touch_s",
                    "t40"."target",
                    "t40"."denied",
                    ROW_NUMBER() OVER (
                      PARTITION BY "t40"."tenant", "t40"."source", "t40"."event_id"
                      ORDER BY "t40"."touch_s" DESC, "t40"."target" DESC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
                    ) - 1 AS "place"
                  FROM (
                    SELECT
                      "t39"."tenant",
                      "t39"."source",
                      "t39"."event_id",
                      "t39"."touch_s",
                      "t39"."target",
                      (
                        "t39"."consent" = 'denied'
                      ) OR (
                        "t39"."touch_consent" = 'denied'
                      ) AS "denied"
                    FROM (
                      SELECT
                        "t38"."tenant",
                        "t38"."subject",
                        "t38"."use_case",
                        "t38"."touch_at",
                        "t38"."source",
                        "t38"."event_id",
                        "t38"."consent",
                        "t38"."time_s",
                        "t38"."opens_s",
                        "t31"."touch_s",
                        "t31"."target",
                        "t31"."touch_consent"
                      FROM (
                        SELECT
                          "t36".*
                          EXCLUDE ("at")
                        FROM (
                          SELECT
                            *
                          FROM (
                            SELECT
                              "t34"."tenant",
                              "t34"."subject",
                              "t34"."use_case",
                              "t34"."at",
                              MAX("t34"."touch_at") OVER (
                                PARTITION BY "t34"."tenant", "t34"."subject", "t34"."use_case"
                                ORDER BY "t34"."at" ASC
                                RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                              ) AS "touch_at",
                              "t34"."source",
                              "t34"."event_id",
                              "t34"."consent",
                              "t34"."time_s",
                              "t34"."opens_s"
                            FROM (
                              SELECT
                                *
                              FROM (
                                SELECT
                                  "t26"."tenant",
                                  "t26"."subject",
                                  "t26"."use_case",
                                  "t26"."at",
                                  "t26"."at" AS "touch_at",
                                  CAST(NULL AS TEXT) AS "source",
                                  CAST(NULL AS TEXT) AS "event_id",
                                  CAST(NULL AS TEXT) AS "consent",
                                  CAST(NULL AS DOUBLE) AS "time_s",
                                  CAST(NULL AS DOUBLE) AS "opens_s"
                                FROM "t25" AS "t26"
                              ) AS "t27"
                              UNION ALL
                              SELECT
                                *
                              FROM (
                                SELECT
                                  "t32"."tenant",
                                  "t32"."subject",
                                  "t32"."use_case",
                                  "t32"."at",
                                  CAST(NULL AS DOUBLE) AS "touch_at",
                                  "t32"."source",
                                  "t32"."event_id",
                                  "t32"."consent",
                                  "t32"."time_s",
                                  "t32"."opens_s"
                                FROM (
                                  SELECT
                                    "t17"."tenant",
                                    "t17"."source",
                                    "t17"."event_id",
                                    "t17"."subject",
                                    "t17"."consent",
                                    "t29"."touch",
                                    "t17"."time_s",
                                    "t29"."place" AS "use_case",
                                    "t17"."time_s" - "t29"."window_s" AS "opens_s",
                                    CASE
                                      WHEN "t29"."touch" = 'first'
                                      THEN -(
                                        "t17"."time_s" - "t29"."window_s"
                                      )
                                      ELSE "t17"."time_s"
                                    END AS "at"
                                  FROM (
                                    SELECT
                                      "t3"."tenant",
                                      "t3"."source",
                                      "t3"."event_id",
                                      "t3"."kind",
                                      "t3"."time_s",
                                      "t3"."prediction_id",
                                      "t3"."subject",
                                      "t3"."use_case",
                                      "t3"."consent",
                                      "t3"."value",
                                      "t3"."currency"
                                    FROM "o" AS "t3"
                                    WHERE
                                      "t3"."prediction_id" = '' AND "t3"."subject" <> ''
                                  ) AS "t17"
                                  INNER JOIN (
                                    SELECT DISTINCT
                                      "t26"."touch",
                                      "t26"."window_s",
                                      "t26"."tenant" AS "owner",
                                      "t26"."subject" AS "who",
                                      "t26"."use_case" AS "place"
                                    FROM "t25" AS "t26"
                                  ) AS "t29"
                                    ON "t17"."tenant" = "t29"."owner"
                                    AND "t17"."subject" = "t29"."who"
                                    AND (
                                      (
                                        "t17"."use_case" = ''
                                      ) OR (
                                        "t17"."use_case" = "t29"."place"
                                      )
                                    )
                                ) AS "t32"
                              ) AS "t33"
                            ) AS "t34"
                          ) AS "t35"
                          WHERE
                            "t35"."event_id" IS NOT NULL AND "t35"."touch_at" IS NOT NULL
                        ) AS "t36"
                      ) AS "t38"
                      INNER JOIN (
                        SELECT
                          "t26"."tenant",
                          "t26"."subject",
                          "t26"."use_case",
                          "t26"."time_s" AS "touch_s",
                          CASE WHEN "t26"."touch" = 'first' THEN "t26"."low" ELSE "t26"."high" END AS "target",
                          CASE
                            WHEN "t26"."touch" = 'first'
                            THEN "t26"."low_consent"
                            ELSE "t26"."high_consent"
                          END AS "touch_consent",
                          "t26"."at" AS "touch_at"
                        FROM "t25" AS "t26"
                      ) AS "t31"
                        ON "t38"."tenant" = "t31"."tenant"
                        AND "t38"."subject" = "t31"."subject"
                        AND "t38"."use_case" = "t31"."use_case"
                        AND "t38"."touch_at" = "t31"."touch_at"
                    ) AS "t39"
                    WHERE
                      "t39"."touch_s" >= "t39"."opens_s" AND "t39"."touch_s" <= "t39"."time_s"
                  ) AS "t40"
                ) AS "t41"
                WHERE
                  "t41"."place" = 0 AND NOT (
                    "t41"."denied"
                  )
              ) AS "t43"
                ON "t14"."tenant" = "t43"."tenant"
                AND "t14"."source" = "t43"."source"
                AND "t14"."event_id" = "t43"."event_id"
            ) AS "t44"
          ) AS "t45"
          GROUP BY
            1,
            2
        ) AS "t47"
          ON "t19"."prediction_id" = "t47"."target" AND "t19"."tenant" = "t47"."tenant"
        LEFT OUTER JOIN (
          SELECT
            "t1"."deployment" AS "owner",
            "t1"."policy_id" AS "under",
            MAX("t1"."pico_usd_per_replica_s") AS "rate"
          FROM "c" AS "t1"
          GROUP BY
            1,
            2
        ) AS "t15"
          ON "t19"."deployment" = "t15"."owner" AND "t19"."policy_id" = "t15"."under"
        LEFT OUTER JOIN (
          SELECT
            "t2"."used_when",
            "t2"."use_case" AS "measured"
          FROM "measures" AS "t2"
        ) AS "t9"
          ON "t19"."use_case" = "t9"."measured"
      ) AS "t48"
    ) AS "t49"
  ) AS "t50"
  GROUP BY
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8
) AS "t51"
ORDER BY
  "t51"."deployment" ASC,
  "t51"."hour" ASC,
  "t51"."day" ASC,
  "t51"."use_case" ASC,
  "t51"."tenant" ASC,
  "t51"."model" ASC,
  "t51"."arm" ASC,
  "t51"."fate" ASC
