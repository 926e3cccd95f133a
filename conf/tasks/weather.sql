-- The weather at New York's airports, each hour, with the temperature three hours later.
SELECT
  origin, time_hour, month, day, hour, temp, dewp, humid, wind_dir, wind_speed, precip, pressure,
  visib,
  lead(temp, 3) OVER (PARTITION BY origin ORDER BY time_hour) AS temp_later
FROM weather
