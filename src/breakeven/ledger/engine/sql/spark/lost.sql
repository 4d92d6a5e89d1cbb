-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  COALESCE(SUM(`t9`.`missing`), 0) AS `lost`
FROM (
  SELECT
    `t8`.`node`,
    MAX(`t8`.`sequence`) - COUNT(DISTINCT `t8`.`sequence`) AS `missing`
  FROM (
    SELECT
      *
    FROM (
      SELECT
        *
      FROM (
        SELECT
          `t0`.`node`,
          `t0`.`sequence`
        FROM `all_b` AS `t0`
      ) AS `t3`
      UNION ALL
      SELECT
        *
      FROM (
        SELECT
          *
        FROM (
          SELECT
            `t1`.`node`,
            `t1`.`sequence`
          FROM `all_p` AS `t1`
        ) AS `t4`
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            `t2`.`node`,
            `t2`.`sequence`
          FROM `all_o` AS `t2`
        ) AS `t5`
      ) AS `t6`
    ) AS `t7`
    WHERE
      `t7`.`sequence` > 0
  ) AS `t8`
  GROUP BY
    1
) AS `t9`
