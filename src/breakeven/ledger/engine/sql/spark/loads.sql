-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    `t2`.`deployment`,
    `t2`.`hour`,
    `t2`.`source`,
    `t2`.`target`,
    COUNT(*) AS `intervals`,
    COALESCE(SUM(`t2`.`seen`), CAST(0 AS DECIMAL(38, 0))) AS `seen_ns`,
    COALESCE(SUM(`t2`.`known`), CAST(0 AS DECIMAL(38, 0))) AS `known_ns`,
    COALESCE(SUM(`t2`.`worked`), CAST(0 AS DECIMAL(38, 0))) AS `busy_ns`,
    COALESCE(SUM(`t2`.`ran`), CAST(0 AS DECIMAL(38, 0))) AS `running_ns`,
    COALESCE(SUM(CAST(`t2`.`finished` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `finished`,
    COALESCE(SUM(CAST(`t2`.`input_tokens` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `input_tokens`,
    COALESCE(SUM(CAST(`t2`.`cached_input_tokens` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `cached_input_tokens`,
    COALESCE(SUM(CAST(`t2`.`output_tokens` AS DECIMAL(38, 0))), CAST(0 AS DECIMAL(38, 0))) AS `output_tokens`,
    COUNT(`t2`.`energy_kwh`) AS `energy_rows`,
    COALESCE(SUM(`t2`.`atto_kwh`), CAST(0 AS DECIMAL(38, 0))) AS `energy_atto_kwh`
  FROM (
    SELECT
      `t1`.`id`,
      `t1`.`deployment`,
      `t1`.`target`,
      `t1`.`source`,
      `t1`.`start_s`,
      `t1`.`end_s`,
      `t1`.`busy`,
      `t1`.`running`,
      `t1`.`waiting`,
      `t1`.`kv_cache_use`,
      `t1`.`power_w`,
      `t1`.`energy_kwh`,
      `t1`.`finished`,
      `t1`.`input_tokens`,
      `t1`.`cached_input_tokens`,
      `t1`.`output_tokens`,
      `t1`.`accelerators`,
      `t1`.`version`,
      CAST(FLOOR(`t1`.`start_s` / 3600.0) AS BIGINT) AS `hour`,
      IF(
        ABS(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * 1000000000.0)) < 9.2e+18,
        CAST(CAST(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
        CAST(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * 1000000000.0) AS DECIMAL(38, 0))
      ) AS `seen`,
      IF(
        `t1`.`busy` IS NOT NULL AND NOT ISNAN(`t1`.`busy`),
        IF(
          ABS(RINT((
            `t1`.`end_s` - `t1`.`start_s`
          ) * 1000000000.0)) < 9.2e+18,
          CAST(CAST(RINT((
            `t1`.`end_s` - `t1`.`start_s`
          ) * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
          CAST(RINT((
            `t1`.`end_s` - `t1`.`start_s`
          ) * 1000000000.0) AS DECIMAL(38, 0))
        ),
        NULL
      ) AS `known`,
      IF(
        ABS(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * `t1`.`busy` * 1000000000.0)) < 9.2e+18,
        CAST(CAST(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * `t1`.`busy` * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
        CAST(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * `t1`.`busy` * 1000000000.0) AS DECIMAL(38, 0))
      ) AS `worked`,
      IF(
        ABS(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * `t1`.`running` * 1000000000.0)) < 9.2e+18,
        CAST(CAST(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * `t1`.`running` * 1000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
        CAST(RINT((
          `t1`.`end_s` - `t1`.`start_s`
        ) * `t1`.`running` * 1000000000.0) AS DECIMAL(38, 0))
      ) AS `ran`,
      IF(
        ABS(RINT(`t1`.`energy_kwh` * 1000000000000000.0)) < 9.2e+18,
        CAST(CAST(RINT(`t1`.`energy_kwh` * 1000000000000000.0) AS BIGINT) AS DECIMAL(38, 0)),
        CAST(RINT(`t1`.`energy_kwh` * 1000000000000000.0) AS DECIMAL(38, 0))
      ) AS `atto_kwh`
    FROM (
      SELECT
        *
      FROM `e` AS `t0`
      WHERE
        (
          CAST(:start_s AS DOUBLE) IS NULL
          OR ISNAN(CAST(:start_s AS DOUBLE))
          OR (
            `t0`.`start_s` >= CAST(:start_s AS DOUBLE)
          )
        )
        AND (
          CAST(:end_s AS DOUBLE) IS NULL
          OR ISNAN(CAST(:end_s AS DOUBLE))
          OR (
            `t0`.`start_s` < CAST(:end_s AS DOUBLE)
          )
        )
    ) AS `t1`
  ) AS `t2`
  GROUP BY
    1,
    2,
    3,
    4
) AS `t3`
ORDER BY
  `t3`.`deployment` ASC NULLS LAST,
  `t3`.`hour` ASC NULLS LAST,
  `t3`.`source` ASC NULLS LAST,
  `t3`.`target` ASC NULLS LAST
