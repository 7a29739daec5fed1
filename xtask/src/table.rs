//! The crate table of ARCHITECTURE.md: which crate may depend on which of ours.
//!
//! It is the first Markdown table whose header has the columns `crate` and `depends on`. Names stand in backticks;
//! `nothing of ours` allows nothing, `anything; dev only` everything, but then nobody may depend on the crate
//! except for tests. Where there is a column `tests also`, it names what the crate's tests may use besides. Other text in a
//! cell is for people.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};

/// What one row allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// These crates, and what their rows allow.
    These(BTreeSet<String>),
    /// Any crate; it is for tests only.
    Anything,
}

/// All rows by crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Table {
    rows: BTreeMap<String, Row>,
    /// What the tests of a crate may use besides.
    for_tests: BTreeMap<String, Vec<String>>,
}

impl Table {
    /// Reads the table out of a Markdown page.
    pub(crate) fn parse(page: &str) -> Result<Self> {
        let mut lines = page.lines().skip_while(|line| !is_header(line));
        let header = lines.next().context("there is no table with the columns `crate` and `depends on`")?;
        let (name_at, depends_at) = (column(header, "crate"), column(header, "depends on"));
        let tests_at = column(header, "tests also");
        let (mut rows, mut for_tests) = (BTreeMap::new(), BTreeMap::new());
        for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = cells(line).collect();
            let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
            let tests = names(cell(tests_at));
            let names = names(cell(name_at));
            let row = Row::parse(cell(depends_at)).with_context(|| format!("in the row {line:?}"))?;
            if names.is_empty() {
                bail!("the row {line:?} names no crate");
            }
            for name in names {
                if rows.insert(name.clone(), row.clone()).is_some() {
                    bail!("`{name}` has two rows");
                }
                for_tests.insert(name, tests.clone());
            }
        }
        Ok(Self { rows, for_tests })
    }

    /// The crates that have a row.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// Whether the table has a row for the crate.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.rows.contains_key(name)
    }

    /// Whether the crate is for tests only.
    pub(crate) fn is_dev_only(&self, name: &str) -> bool {
        self.rows.get(name) == Some(&Row::Anything)
    }

    /// Whether `from` may depend on `to`: its row names it, or a crate that it names reaches it.
    pub(crate) fn allows(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            match self.rows.get(name) {
                Some(Row::Anything) if name == from => return true,
                Some(Row::These(names)) if seen.insert(name) => {
                    if names.contains(to) {
                        return true;
                    }
                    open.extend(names.iter().map(String::as_str));
                }
                _ => {}
            }
        }
        false
    }

    /// Whether the tests of `from` may use `to`.
    pub(crate) fn allows_tests(&self, from: &str, to: &str) -> bool {
        let more = self.for_tests.get(from).map(Vec::as_slice).unwrap_or_default();
        self.allows(from, to) || more.iter().any(|name| name == to || self.allows(name, to))
    }

    /// The names that rows allow but that have no row, and rows that reach themselves.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, row) in &self.rows {
            let Row::These(names) = row else { continue };
            for unknown in names.iter().filter(|other| !self.has(other)) {
                faults.push(format!("the row of `{name}` names `{unknown}`, which has no row"));
            }
            if self.allows(name, name) {
                faults.push(format!("the rows lead from `{name}` back to itself"));
            }
        }
        faults
    }
}

impl Row {
    fn parse(cell: &str) -> Result<Self> {
        let names: BTreeSet<String> = names(cell).into_iter().collect();
        if !names.is_empty() {
            return Ok(Self::These(names));
        }
        match cell {
            "nothing of ours" => Ok(Self::These(BTreeSet::new())),
            "anything; dev only" => Ok(Self::Anything),
            other => bail!("{other:?} says neither crates nor `nothing of ours` nor `anything; dev only`"),
        }
    }
}

fn is_header(line: &str) -> bool {
    column(line, "crate").is_some() && column(line, "depends on").is_some()
}

fn column(header: &str, name: &str) -> Option<usize> {
    cells(header).position(|cell| cell == name)
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    let inner = line.trim().strip_prefix('|').unwrap_or_default();
    inner.strip_suffix('|').unwrap_or(inner).split('|').map(str::trim)
}

/// What stands in backticks.
fn names(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# A page

| other | table |
| --- | --- |
| `x` | `y` |

| crate | job | depends on |
| --- | --- | --- |
| `types` | words | nothing of ours |
| `wire`, `content` | frames | `types` |
| `engine` | decides | `wire` and `content` |
| `testkit` | tests | anything; dev only |

Text after it with a | bar.
";

    #[test]
    fn a_table_is_read_by_its_header() {
        let table = Table::parse(PAGE).unwrap();
        let crates: Vec<&str> = table.crates().collect();
        assert_eq!(crates, ["content", "engine", "testkit", "types", "wire"]);
        assert_eq!(table.faults(), Vec::<String>::new());
    }

    #[test]
    fn a_row_reaches_what_its_dependencies_reach() {
        let table = Table::parse(PAGE).unwrap();
        assert!(table.allows("engine", "wire"));
        assert!(table.allows("engine", "types"));
        assert!(!table.allows("wire", "content"));
        assert!(!table.allows("types", "engine"));
        assert!(table.allows("testkit", "engine"));
        assert!(!table.allows("unknown", "types"));
    }

    #[test]
    fn tests_may_use_what_their_own_column_names() {
        let page = "\
| crate | depends on | tests also |
| --- | --- | --- |
| `types` | nothing of ours | |
| `store` | `types` | |
| `engine` | nothing of ours | `store` |
";
        let table = Table::parse(page).unwrap();
        assert!(table.allows_tests("engine", "store"));
        assert!(table.allows_tests("engine", "types"));
        assert!(!table.allows("engine", "store"));
        assert!(!table.allows_tests("types", "store"));
    }

    #[test]
    fn a_page_without_a_table_is_an_error() {
        assert!(Table::parse("# nothing").is_err());
    }

    #[test]
    fn a_cell_without_a_meaning_is_an_error() {
        assert!(Table::parse(&PAGE.replace("nothing of ours", "not much")).is_err());
        assert!(Table::parse(&PAGE.replace("`types` |", "types |")).is_err());
    }

    #[test]
    fn two_rows_for_one_crate_are_an_error() {
        assert!(Table::parse(&PAGE.replace("`engine`", "`wire`")).is_err());
    }

    #[test]
    fn a_circle_and_an_unknown_name_are_faults() {
        let circle = PAGE.replace("nothing of ours", "`engine`");
        assert_eq!(Table::parse(&circle).unwrap().faults().len(), 4);
        let unknown = PAGE.replace("`wire` and `content`", "`wires`");
        assert_eq!(Table::parse(&unknown).unwrap().faults().len(), 1);
    }
}
