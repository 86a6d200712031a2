"""The data market's roles: owners of campaigns, contributors, reviewers, jurors, and what anybody may do."""
