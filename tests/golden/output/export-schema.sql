-- Tables first; below the place for the rows: indexes, views, triggers.
CREATE TABLE kinds(id INTEGER PRIMARY KEY AUTOINCREMENT, v, t TEXT NOT NULL DEFAULT '');
CREATE TABLE "odd, name"(a, twice AS (a * 2));
CREATE INDEX by_text ON kinds(t);
CREATE VIEW seen AS SELECT v FROM kinds;
