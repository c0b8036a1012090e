// Package sections is what the actors of several suites have in common: commands for sections and views, and the table
// of what an actor holds behind them. A suite adds commands of its own, and what these need to be told and to answer.
package sections
