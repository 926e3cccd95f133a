"""What is compared on which table: a module for each suite."""
