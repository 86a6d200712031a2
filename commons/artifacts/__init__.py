"""Files by what is in them: models, data sets and sealed rows, named by content identifiers and kept in any store."""
