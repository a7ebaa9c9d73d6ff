-- The planner's figures hold values of rows, and still do once these were erased. No query asks for what is sealed, so
-- none are made of it any more; that the type of a column is said again takes those away that there are.
ALTER TABLE case_file
    ALTER wrapped TYPE BYTEA, ALTER wrapped SET STATISTICS 0, ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;
ALTER TABLE case_event ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;
ALTER TABLE inbound ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;
ALTER TABLE outbound_body ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;  -- an envelope is too long for them
ALTER TABLE access ALTER justification TYPE TEXT COLLATE "C", ALTER justification SET STATISTICS 0;
ALTER TABLE person_apart ALTER shared TYPE BYTEA, ALTER shared SET STATISTICS 0;
ALTER TABLE opening ALTER body TYPE BYTEA, ALTER body SET STATISTICS 0;
