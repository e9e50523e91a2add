"""What the package costs: ratios within one run."""
