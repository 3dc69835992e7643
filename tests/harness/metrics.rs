//! Reads Prometheus' text format.

/// The sum of a metric's samples whose labels contain all of these, such as `outcome="counted"`; 0 if there is none.
pub fn sum(text: &str, name: &str, labels: &[&str]) -> u64 {
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let (candidate, own_labels) = series.split_once('{').unwrap_or((series, ""));
        let own_labels: Vec<&str> = own_labels.trim_end_matches('}').split(',').collect();
        let ours = candidate == name && labels.iter().all(|label| own_labels.contains(label));
        ours.then(|| value.parse::<u64>().unwrap_or_else(|error| panic!("{line}: {error}")))
    });
    samples.sum()
}

#[test]
fn samples_are_added_up_by_label() {
    let text = "# HELP hits 9\nhits{route=\"/x\",status=\"200\"} 2\nhits{route=\"/x\",status=\"404\"} 3\nhits{route=\"/y\"} 5\nhits_more 7\n";
    assert_eq!(sum(text, "hits", &[]), 10);
    assert_eq!(sum(text, "hits", &["route=\"/x\""]), 5);
    assert_eq!(sum(text, "hits", &["route=\"/x\"", "status=\"404\""]), 3);
    assert_eq!(sum(text, "hits", &["route=\"/z\""]), 0);
}
