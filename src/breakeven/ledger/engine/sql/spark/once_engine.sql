-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  `t2`.`id`,
  `t2`.`deployment`,
  `t2`.`target`,
  `t2`.`source`,
  `t2`.`start_s`,
  `t2`.`end_s`,
  `t2`.`busy`,
  `t2`.`running`,
  `t2`.`waiting`,
  `t2`.`kv_cache_use`,
  `t2`.`power_w`,
  `t2`.`energy_kwh`,
  `t2`.`finished`,
  `t2`.`input_tokens`,
  `t2`.`cached_input_tokens`,
  `t2`.`output_tokens`,
  `t2`.`accelerators`,
  `t2`.`version`
FROM (
  SELECT
    *
  FROM (
    SELECT
      `t0`.`id`,
      `t0`.`deployment`,
      `t0`.`target`,
      `t0`.`source`,
      `t0`.`start_s`,
      `t0`.`end_s`,
      `t0`.`busy`,
      `t0`.`running`,
      `t0`.`waiting`,
      `t0`.`kv_cache_use`,
      `t0`.`power_w`,
      `t0`.`energy_kwh`,
      `t0`.`finished`,
      `t0`.`input_tokens`,
      `t0`.`cached_input_tokens`,
      `t0`.`output_tokens`,
      `t0`.`accelerators`,
      `t0`.`version`,
      ROW_NUMBER() OVER (
        PARTITION BY `t0`.`id`
        ORDER BY `t0`.`start_s` ASC NULLS LAST, `t0`.`end_s` ASC NULLS LAST
      ) - 1 AS `place`
    FROM `all_e` AS `t0`
  ) AS `t1`
  WHERE
    `t1`.`place` = 0
) AS `t2`
