-- Keep every other session from the tables until the transaction ends. Grain: table.
LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE
