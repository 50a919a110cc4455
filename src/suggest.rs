//! "Did you mean": the names that are most like one that is not there.

/// So many names are suggested at the most, and they are at least so like (Jaro-Winkler, 0 to 1).
const MOST: usize = 3;
const LEAST_LIKENESS: f64 = 0.8;

/// No folder has a longer name (bytes), and comparing one with thousands of others would take long.
const LONGEST: usize = 255;

/// Of these names those that are most like `wanted`, the most like it first.
pub fn suggest(wanted: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    if wanted.len() > LONGEST {
        return Vec::new();
    }
    let wanted = wanted.to_lowercase();
    let likeness = |name: &str| strsim::jaro_winkler(&wanted, &name.to_lowercase());
    let mut near: Vec<(f64, String)> = names
        .filter(|name| name.len() <= LONGEST)
        .map(|name| (likeness(&name), name))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    near.dedup();
    near.into_iter().map(|(_, name)| name).take(MOST).collect()
}
