-- Give an account a right on a table. Grain: right.
GRANT {right} ON {relation} TO {grantee}
