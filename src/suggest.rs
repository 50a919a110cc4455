//! "Did you mean": the names that resemble a missing one.

/// The most names that are suggested.
const MOST: usize = 3;

/// Jaro-Winkler, from 0 to 1.
const LEAST_SIMILARITY: f64 = 0.8;

/// Bytes. No folder has a longer name, and comparing one with thousands of others would take long.
const LONGEST: usize = 255;

/// Returns the names that resemble `wanted`, the most similar first.
pub fn suggest(wanted: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    if wanted.len() > LONGEST {
        return Vec::new();
    }
    let wanted = wanted.to_lowercase();
    let mut similar: Vec<(f64, String)> = Vec::new();
    for name in names.filter(|name| name.len() <= LONGEST) {
        let similarity = strsim::jaro_winkler(&wanted, &name.to_lowercase());
        if similarity >= LEAST_SIMILARITY {
            similar.push((similarity, name));
        }
    }
    similar.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
    similar.dedup();
    similar.into_iter().map(|(_, name)| name).take(MOST).collect()
}
