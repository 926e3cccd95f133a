"""The suites: which contenders are compared on which table."""
