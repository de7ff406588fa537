-- What of a record can be told from its text. Grain: partition, offset.
-- A macro is an expression with a name. NULL where the text is not of the plain form.

-- A value that is no container and none of the words that only lenient parsers take (nan, inf).
-- By the order of characters: quotes, digits and the minus come before ':', letters after it.
CREATE MACRO is_scalar(v) AS
v IS NULL OR (v < ':' AND (v < '-:' OR v >= '.')) OR v IN ('null', 'true', 'false');

-- The inside of a string; there are no escapes in a plain record.
CREATE MACRO inside(v) AS CASE WHEN starts_with(v, '"') THEN v[2:-2] END;

CREATE MACRO is_absent(v) AS v IS NULL OR v = 'null';
