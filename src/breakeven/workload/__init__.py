"""The shape of demand: fitting, forecasting, sampling. Pure."""
