"""Once a second: the accounts, the way of a sale, the load, and how good the rules are."""
