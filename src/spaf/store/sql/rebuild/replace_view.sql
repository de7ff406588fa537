-- Define a view anew, so that it reads the tables that have the names now. Grain: view.
CREATE OR REPLACE VIEW {view} {view_options} AS {definition}
