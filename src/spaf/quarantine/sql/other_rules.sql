-- Whether any partition was explained under other rules. Grain: one row.
SELECT EXISTS(SELECT FROM quarantine_position WHERE rules <> %(rules)s) AS other_rules
