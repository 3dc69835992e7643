//! `GET /v1/charities`: the campaign, what is donated, and who may be voted for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use crate::answer;
use crate::app::App;
use crate::problem::Problem;

/// `GET /v1/charities`
pub async fn show(State(app): State<App>) -> Result<Response, Problem> {
    let file = app.ballot_box.campaign_file();
    let charities: Vec<Value> = file
        .charities()
        .iter()
        .map(|charity| json!({"id": charity.id, "name": charity.name, "about": charity.about}))
        .collect();
    let body = json!({
        "campaign": file.campaign().as_str(),
        "donation": {"currency": file.donation().currency, "minor_units": file.donation().minor_units},
        "charities": charities,
    });
    answer::json(StatusCode::OK, &body)
}
