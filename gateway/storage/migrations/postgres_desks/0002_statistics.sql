-- As in the schema of the gateway itself: the planner's figures would hold what was typed once it is deleted.
ALTER TABLE draft ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;
ALTER TABLE work ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;
ALTER TABLE challenge ALTER sealed TYPE BYTEA, ALTER sealed SET STATISTICS 0;
ALTER TABLE approval
    ALTER digest TYPE TEXT COLLATE "C", ALTER digest SET STATISTICS 0,
    ALTER salt TYPE TEXT COLLATE "C", ALTER salt SET STATISTICS 0;
