//! Which campaign file a ledger was made for, as its store has it.

use vote::CampaignFile;

/// What a store keeps of the campaign file that it was made for. The sentence about a charity is not kept: it may be corrected, since nobody votes by it alone;
/// a name may not, since people vote by it.
pub(crate) struct MadeFor {
    pub(crate) campaign: String,
    pub(crate) currency: String,
    pub(crate) minor_units: i64,
    /// Id and name, in order.
    pub(crate) charities: Vec<(String, String)>,
    pub(crate) has_issuance_log: bool,
}

impl MadeFor {
    /// Every difference from this file, one sentence each.
    pub(crate) fn differences(&self, file: &CampaignFile) -> Vec<String> {
        let describe = |(id, name): (&String, &String)| format!("{id} ({name})");
        let in_ledger: Vec<_> = self.charities.iter().map(|(id, name)| describe((id, name))).collect();
        let in_file: Vec<_> = file
            .charities()
            .iter()
            .map(|charity| describe((&charity.id, &charity.name)))
            .collect();
        let donation = file.donation();
        [
            ("the campaign", self.campaign.clone(), file.campaign().to_string()),
            (
                "the donation",
                format!("{} {}", self.minor_units, self.currency),
                format!("{} {}", donation.minor_units, donation.currency),
            ),
            ("the list of charities", in_ledger.join(", "), in_file.join(", ")),
            (
                "a log of issued coins",
                self.has_issuance_log.to_string(),
                file.has_issuance_log().to_string(),
            ),
        ]
        .into_iter()
        .filter(|(_, in_ledger, in_file)| in_ledger != in_file)
        .map(|(what, in_ledger, in_file)| format!("{what} is {in_ledger} in the ledger and {in_file} in the file"))
        .collect()
    }
}
