-- Flights that arrived, with what is known before departure: weather, plane, holidays.
WITH hourly AS ( -- one row for each airport and hour: the largest, so that values win over null
  SELECT origin, time_hour,
    max(struct(temp, dewp, humid, wind_speed, precip, pressure, visib)) AS observed
  FROM weather
  GROUP BY origin, time_hour
),
built AS (
  SELECT tailnum, max(struct(year, seats)) AS plane FROM planes GROUP BY tailnum
)
SELECT
  f.year, f.month, f.day, f.hour, f.minute, f.time_hour,
  weekday(make_date(f.year, f.month, f.day)) AS day_of_week, -- 0 is Monday
  f.carrier, f.flight, f.tailnum, f.origin, f.dest, f.distance,
  f.year - plane.year AS plane_age, plane.seats AS seats,
  observed.temp AS observed_temp, observed.dewp AS observed_dewp,
  observed.humid AS observed_humid, observed.wind_speed AS observed_wind_speed,
  observed.precip AS observed_precip, observed.pressure AS observed_pressure,
  observed.visib AS observed_visib,
  CAST(f.hour * 60 + f.minute AS double) AS departure_minute,
  days_to_holiday(make_date(f.year, f.month, f.day)) AS days_to_holiday,
  f.arr_delay >= 15 AS late
FROM flights f
LEFT JOIN hourly ON f.origin = hourly.origin AND f.time_hour = hourly.time_hour
LEFT JOIN built ON f.tailnum = built.tailnum
WHERE f.arr_delay IS NOT NULL -- it was neither cancelled nor diverted
