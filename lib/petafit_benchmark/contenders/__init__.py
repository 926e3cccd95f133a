"""The contenders: a module for each library that is measured, run as a process of its own."""
