"""Functions of the flights' query."""

import numpy as np
import pandas as pd
from pandas.tseries.holiday import USFederalHolidayCalendar

import petafit

_A_YEAR = pd.Timedelta(days=366)


@petafit.function(returns="int")
def days_to_holiday(date: pd.Series) -> pd.Series:
    """Days from each date to the nearest public holiday of the United States."""
    days = pd.DatetimeIndex(date)
    holidays = USFederalHolidayCalendar().holidays(days.min() - _A_YEAR, days.max() + _A_YEAR)
    following = holidays.searchsorted(days)
    to_come, past = holidays[following] - days, days - holidays[following - 1]
    return pd.Series(np.minimum(to_come.days, past.days))
