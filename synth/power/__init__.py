"""Power from activity: standard cells by Liberty, iCE40 by calibration, ECP5 by extrapolation."""
