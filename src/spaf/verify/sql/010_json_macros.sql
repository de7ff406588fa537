-- Macros that read a value out of the text of a plain record. Grain: one value of a record.
-- A macro is a named expression. Each gives NULL where the text is not of the plain form.

-- True if a value is neither a container nor a word that only lenient parsers accept (nan, inf).
-- It compares characters: quotes, digits and the minus sort before ':', letters after it.
CREATE MACRO is_scalar(v) AS
v IS NULL OR (v < ':' AND (v < '-:' OR v >= '.')) OR v IN ('null', 'true', 'false');

-- The text between the quotes of a string; a plain record has no escapes.
CREATE MACRO inside(v) AS CASE WHEN starts_with(v, '"') THEN v[2:-2] END;

CREATE MACRO is_absent(v) AS v IS NULL OR v = 'null';
