-- Made by scripts/build_questions.py from engine/ask: change it there.
WITH "t10" AS (
  SELECT
    "t0"."tenant",
    "t0"."source",
    "t0"."event_id",
    "t0"."kind",
    "t0"."time_s",
    "t0"."prediction_id",
    "t0"."subject",
    "t0"."use_case",
    "t0"."consent",
    "t0"."value",
    "t0"."currency"
  FROM "o" AS "t0"
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
    AND NOT (
      "t0"."kind" IN ('consent', 'identify')
    )
    AND "t0"."prediction_id" = ''
    AND "t0"."subject" <> ''
), "t24" AS (
  SELECT
    "t23"."tenant",
    "t23"."subject",
    "t23"."use_case",
    "t23"."touch",
    "t23"."window_s",
    "t23"."time_s",
    "t23"."at",
    MIN("t23"."prediction_id") AS "low",
    MAX("t23"."prediction_id") AS "high",
    FIRST("t23"."consent" ORDER BY "t23"."prediction_id") AS "low_consent",
    FIRST("t23"."consent" ORDER BY "t23"."prediction_id" DESC) AS "high_consent"
  FROM (
    SELECT
      "t22"."tenant",
      "t22"."subject",
      "t22"."use_case",
      "t22"."time_s",
      "t22"."prediction_id",
      "t22"."consent",
      "t22"."window_s",
      "t22"."touch",
      CASE WHEN "t22"."touch" = 'first' THEN -(
        "t22"."time_s"
      ) ELSE "t22"."time_s" END AS "at"
    FROM (
      SELECT
        "t21"."tenant",
        "t21"."subject",
        "t21"."use_case",
        "t21"."time_s",
        "t21"."prediction_id",
        "t21"."consent",
        COALESCE("t7"."window_s", 1800.0) AS "window_s",
        COALESCE("t7"."touch", 'last') AS "touch"
      FROM (
        SELECT
          "t19"."tenant",
          "t19"."subject",
          "t19"."use_case",
          "t19"."time_s",
          "t19"."prediction_id",
          "t19"."consent"
        FROM (
          SELECT
            "t3"."prediction_id",
            "t3"."use_case",
            "t3"."tenant",
            "t3"."time_s",
            "t3"."cost_pico_usd",
            "t3"."in_budget",
            "t3"."status",
            "t3"."deployment",
            "t3"."model",
            "t3"."placement",
            "t3"."arm",
            "t3"."policy_id",
            "t3"."plan_id",
            "t3"."tier",
            "t3"."request_id",
            "t3"."trace_id",
            "t3"."node",
            "t3"."sequence",
            "t3"."region",
            "t3"."device_class",
            "t3"."channel",
            "t3"."subject",
            "t3"."subject_kind",
            "t3"."session",
            "t3"."consent",
            "t3"."chosen",
            "t3"."cache",
            "t3"."reason",
            "t3"."price_id",
            "t3"."cost_basis",
            "t3"."tokens_basis",
            "t3"."energy_basis",
            "t3"."features_hash",
            "t3"."prompt",
            "t3"."action",
            "t3"."drill",
            "t3"."protocol",
            "t3"."parent_span_id",
            "t3"."seed",
            "t3"."http_status",
            "t3"."rows_scored",
            "t3"."version",
            "t3"."emulated",
            "t3"."stream",
            "t3"."total_s",
            "t3"."ttft_s",
            "t3"."tpot_s",
            "t3"."chunk_gap_max_s",
            "t3"."budget_s",
            "t3"."ttft_target_s",
            "t3"."tpot_target_s",
            "t3"."work_s",
            "t3"."in_flight",
            "t3"."energy_kwh",
            "t3"."served_input_tokens",
            "t3"."served_cached_input_tokens",
            "t3"."served_output_tokens",
            "t3"."served_reasoning_tokens",
            "t3"."consumed_input_tokens",
            "t3"."consumed_cached_input_tokens",
            "t3"."consumed_output_tokens",
            "t3"."consumed_reasoning_tokens",
            "t3"."billable_input_tokens",
            "t3"."billable_cached_input_tokens",
            "t3"."billable_output_tokens",
            "t3"."billable_reasoning_tokens",
            "t3"."priced_input_tokens",
            "t3"."priced_cached_input_tokens",
            "t3"."priced_output_tokens",
            "t3"."priced_reasoning_tokens",
            "t3"."labels",
            "t3"."eligible",
            "t3"."propensities",
            "t3"."attempts",
            "t3"."stages",
            "t3"."actions",
            "t3"."action_propensities",
            "t3"."routed"
          FROM "p" AS "t3"
          SEMI JOIN (
            SELECT
              "t15"."tenant",
              "t15"."subject"
            FROM (
              SELECT
                "t13"."tenant",
                "t13"."subject",
                COUNT(*) AS "rows"
              FROM "t10" AS "t13"
              GROUP BY
                1,
                2
            ) AS "t15"
          ) AS "t18"
            ON "t3"."tenant" = "t18"."tenant" AND "t3"."subject" = "t18"."subject"
        ) AS "t19"
        WHERE
          "t19"."status" IN ('answered', 'cached', 'fallback') AND "t19"."subject" <> ''
      ) AS "t21"
      LEFT OUTER JOIN (
        SELECT
          "t2"."window_s",
          "t2"."touch",
          "t2"."use_case" AS "measured"
        FROM "measures" AS "t2"
      ) AS "t7"
        ON "t21"."use_case" = "t7"."measured"
    ) AS "t22"
  ) AS "t23"
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
  COUNT(*) FILTER(WHERE
    (
      "t46"."target" IS NULL
    )
    AND NOT (
      (
        "t46"."consent" = 'denied'
      )
      AND (
        "t46"."prediction_id" = ''
      )
      AND (
        "t46"."subject" = ''
      )
    )) AS "unattributed",
  COUNT(*) FILTER(WHERE
    COALESCE("t46"."denied", FALSE)
    OR (
      (
        "t46"."consent" = 'denied'
      )
      AND (
        "t46"."prediction_id" = ''
      )
      AND (
        "t46"."subject" = ''
      )
    )) AS "denied",
  COUNT(*) FILTER(WHERE
    (
      "t46"."value" IS NOT NULL
    )
    AND NOT (
      UPPER("t46"."currency") IN ('', 'USD')
    )) AS "foreign"
FROM (
  SELECT
    "t11"."value",
    "t11"."currency",
    "t45"."target",
    "t45"."denied",
    "t11"."prediction_id",
    "t11"."subject",
    "t11"."consent"
  FROM (
    SELECT
      "t0"."tenant",
      "t0"."source",
      "t0"."event_id",
      "t0"."kind",
      "t0"."time_s",
      "t0"."prediction_id",
      "t0"."subject",
      "t0"."use_case",
      "t0"."consent",
      "t0"."value",
      "t0"."currency"
    FROM "o" AS "t0"
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
      AND NOT (
        "t0"."kind" IN ('consent', 'identify')
      )
  ) AS "t11"
  LEFT OUTER JOIN (
    SELECT
      *
    FROM (
      SELECT
        "t12"."tenant",
        "t12"."source",
        "t12"."event_id",
        "t6"."target",
        FALSE AS "denied"
      FROM (
        SELECT
          "t0"."tenant",
          "t0"."source",
          "t0"."event_id",
          "t0"."kind",
          "t0"."time_s",
          "t0"."prediction_id",
          "t0"."subject",
          "t0"."use_case",
          "t0"."consent",
          "t0"."value",
          "t0"."currency"
        FROM "o" AS "t0"
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
          AND NOT (
            "t0"."kind" IN ('consent', 'identify')
          )
          AND "t0"."prediction_id" <> ''
      ) AS "t12"
      INNER JOIN (
        SELECT
          "t1"."prediction_id" AS "target",
          "t1"."tenant" AS "owner"
        FROM "p" AS "t1"
      ) AS "t6"
        ON "t12"."prediction_id" = "t6"."target" AND "t12"."tenant" = "t6"."owner"
    ) AS "t16"
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        "t42"."tenant",
        "t42"."source",
        "t42"."event_id",
        "t42"."target",
        "t42"."denied"
      FROM (
        SELECT
          "t41"."tenant",
          "t41"."source",
          "t41"."event_id",
          "t41"."touch_s",
          "t41"."target",
          "t41"."denied",
          ROW_NUMBER() OVER (
            PARTITION BY "t41"."tenant", "t41"."source", "t41"."event_id"
            ORDER BY "t41"."touch_s" DESC, "t41"."target" DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
          ) - 1 AS "place"
        FROM (
          SELECT
            "t40"."tenant",
            "t40"."source",
            "t40"."event_id",
            "t40"."touch_s",
            "t40"."target",
            (
              "t40"."consent" = 'denied'
            ) OR (
              "t40"."touch_consent" = 'denied'
            ) AS "denied"
          FROM (
            SELECT
              "t39"."tenant",
              "t39"."subject",
              "t39"."use_case",
              "t39"."touch_at",
              "t39"."source",
              "t39"."event_id",
              "t39"."consent",
              "t39"."time_s",
              "t39"."opens_s",
              "t29"."touch_s",
              "t29"."target",
              "t29"."touch_consent"
            FROM (
              SELECT
                "t37".*
                EXCLUDE ("at")
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    "t35"."tenant",
                    "t35"."subject",
                    "t35"."use_case",
                    "t35"."at",
                    MAX("t35"."touch_at") OVER (
                      PARTITION BY "t35"."tenant", "t35"."subject", "t35"."use_case"
                      ORDER BY "t35"."at" ASC
                      RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
                    ) AS "touch_at",
                    "t35"."source",
                    "t35"."event_id",
                    "t35"."consent",
                    "t35"."time_s",
                    "t35"."opens_s"
                  FROM (
                    SELECT
                      *
                    FROM (
                      SELECT
                        "t25"."tenant",
                        "t25"."subject",
                        "t25"."use_case",
                        "t25"."at",
                        "t25"."at" AS "touch_at",
                        CAST(NULL AS TEXT) AS "source",
                        CAST(NULL AS TEXT) AS "event_id",
                        CAST(NULL AS TEXT) AS "consent",
                        CAST(NULL AS DOUBLE) AS "time_s",
                        CAST(NULL AS DOUBLE) AS "opens_s"
                      FROM "t24" AS "t25"
                    ) AS "t26"
                    UNION ALL
                    SELECT
                      *
                    FROM (
                      SELECT
                        "t33"."tenant",
                        "t33"."subject",
                        "t33"."use_case",
                        "t33"."at",
                        CAST(NULL AS DOUBLE) AS "touch_at",
                        "t33"."source",
                        "t33"."event_id",
                        "t33"."consent",
                        "t33"."time_s",
                        "t33"."opens_s"
                      FROM (
                        SELECT
                          "t14"."tenant",
                          "t14"."source",
                          "t14"."event_id",
                          "t14"."subject",
                          "t14"."consent",
                          "t32"."touch",
                          "t14"."time_s",
                          "t32"."place" AS "use_case",
                          "t14"."time_s" - "t32"."window_s" AS "opens_s",
                          CASE
                            WHEN "t32"."touch" = 'first'
                            THEN -(
                              "t14"."time_s" - "t32"."window_s"
                            )
                            ELSE "t14"."time_s"
                          END AS "at"
                        FROM "t10" AS "t14"
                        INNER JOIN (
                          SELECT
                            "t30"."touch",
                            "t30"."window_s",
                            "t30"."tenant" AS "owner",
                            "t30"."subject" AS "who",
                            "t30"."use_case" AS "place"
                          FROM (
                            SELECT
                              "t28"."tenant",
                              "t28"."subject",
                              "t28"."use_case",
                              "t28"."touch",
                              "t28"."window_s",
                              COUNT(*) AS "rows"
                            FROM (
                              SELECT
                                "t25"."tenant",
                                "t25"."subject",
                                "t25"."use_case",
                                "t25"."touch",
                                "t25"."window_s",
                                "t25"."at",
                                "t25"."time_s" AS "touch_s",
                                CASE WHEN "t25"."touch" = 'first' THEN "t25"."low" ELSE "t25"."high" END AS "target",
                                CASE
                                  WHEN "t25"."touch" = 'first'
                                  THEN "t25"."low_consent"
                                  ELSE "t25"."high_consent"
                                END AS "touch_consent"
                              FROM "t24" AS "t25"
                            ) AS "t28"
                            GROUP BY
                              1,
                              2,
                              3,
                              4,
                              5
                          ) AS "t30"
                        ) AS "t32"
                          ON "t14"."tenant" = "t32"."owner"
                          AND "t14"."subject" = "t32"."who"
                          AND (
                            (
                              "t14"."use_case" = ''
                            ) OR (
                              "t14"."use_case" = "t32"."place"
                            )
                          )
                      ) AS "t33"
                    ) AS "t34"
                  ) AS "t35"
                ) AS "t36"
                WHERE
                  "t36"."event_id" IS NOT NULL AND "t36"."touch_at" IS NOT NULL
              ) AS "t37"
            ) AS "t39"
            INNER JOIN (
              SELECT
                "t25"."tenant",
                "t25"."subject",
                "t25"."use_case",
                "t25"."time_s" AS "touch_s",
                CASE WHEN "t25"."touch" = 'first' THEN "t25"."low" ELSE "t25"."high" END AS "target",
                CASE
                  WHEN "t25"."touch" = 'first'
                  THEN "t25"."low_consent"
                  ELSE "t25"."high_consent"
                END AS "touch_consent",
                "t25"."at" AS "touch_at"
              FROM "t24" AS "t25"
            ) AS "t29"
              ON "t39"."tenant" = "t29"."tenant"
              AND "t39"."subject" = "t29"."subject"
              AND "t39"."use_case" = "t29"."use_case"
              AND "t39"."touch_at" = "t29"."touch_at"
          ) AS "t40"
          WHERE
            "t40"."touch_s" >= "t40"."opens_s" AND "t40"."touch_s" <= "t40"."time_s"
        ) AS "t41"
      ) AS "t42"
      WHERE
        "t42"."place" = 0
    ) AS "t43"
  ) AS "t45"
    ON "t11"."tenant" = "t45"."tenant"
    AND "t11"."source" = "t45"."source"
    AND "t11"."event_id" = "t45"."event_id"
) AS "t46"
