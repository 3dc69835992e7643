//! `GET /problems/{code}`: what a problem's type means, for the person who opens the address.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{Html, IntoResponse, Response};
use coin::Refusal;

use super::{Kind, Problem};

/// The page of a code; `not-found` for a code that no problem has.
pub async fn show(code: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(code) = code.map_err(|_| Kind::NotFound)?;
    let kinds = Kind::ALL.iter().map(|kind| Problem::from(*kind));
    let refusals = Refusal::ALL.iter().map(|refusal| Problem::from(*refusal));
    let problem = kinds
        .chain(refusals)
        .find(|problem| problem.code == code)
        .ok_or(Kind::NotFound)?;
    Ok(Html(html(&problem)).into_response())
}

fn html(problem: &Problem) -> String {
    let (title, detail) = (escape(problem.title), escape(&problem.detail));
    let (code, status) = (problem.code, problem.status.as_u16());
    format!(
        r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="/style.css">
<main>
<h1>{title}</h1>
<p>{detail}</p>
<p><code>{code}</code>, HTTP status {status}</p>
</main>
</html>
"#
    )
}

/// Text as HTML. The words of a problem have `<` and `"` in them.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
