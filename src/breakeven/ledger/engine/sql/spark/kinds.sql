-- Made by scripts/build_questions.py from engine/ask: change it there.
SELECT
  *
FROM (
  SELECT
    `t1`.`kind`,
    COUNT(*) AS `events`
  FROM (
    SELECT
      *
    FROM `o` AS `t0`
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
  ) AS `t1`
  GROUP BY
    1
) AS `t2`
ORDER BY
  `t2`.`kind` ASC NULLS LAST
