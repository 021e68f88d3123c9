//! Every shape of refusal, and answers that only look like success.

use proptest::prelude::*;

use super::{Acknowledgement, Headers, Reason, Refusal, Shape, refusal};

const JSON: Headers<'static> = Headers { content_type: Some("application/json"), ac_error: None };

fn read(status: u16, body: &str) -> Refusal {
    refusal(status, &JSON, body.as_bytes())
}

fn check(body: &str, shape: Shape, text: &str) {
    let refusal = read(422, body);
    assert_eq!((refusal.shape, refusal.to_string().as_str()), (shape, text), "{body}");
}

#[test]
fn every_shape_gives_a_text() {
    check(r#"{"message":"Forbidden"}"#, Shape::Message, "Forbidden");
    check(r#"{"errors":[{"title":"Missing attribute"}]}"#, Shape::Errors, "Missing attribute");
    check(
        r#"{"errors":[{"status":404,"title":"Not Found","detail":"No x"}]}"#,
        Shape::Errors,
        "Not Found: No x",
    );
    check(r#"{"errors":[{"detail":"only detail"}]}"#, Shape::Errors, "only detail");
    check(r#"{"errors":"Bulk operation failed."}"#, Shape::ErrorText, "Bulk operation failed.");
    check(r#"{"errors":["Field name is required"]}"#, Shape::ErrorTexts, "Field name is required");
    check(r#"{"success":0,"message":"no"}"#, Shape::Success, "no");
    check(r#"{"succeeded":0,"message":"no"}"#, Shape::Success, "no");
    check(r#""Campaign not found""#, Shape::BareText, "Campaign not found");
    check(r#"{"title":"Bad gateway","status":502}"#, Shape::Gateway, "Bad gateway");
    check("<html>login</html>", Shape::Html, "status 422 without a reason");
    check("", Shape::Empty, "status 422 without a reason");
    check("{}", Shape::Empty, "status 422 without a reason");
    check("upstream connect error", Shape::Other, "status 422 without a reason");
    check("[1]", Shape::Other, "status 422 without a reason");
}

#[test]
fn problem_names_code_and_place() {
    let refusal = read(
        422,
        r#"{"errors":[{"title":"Contact Email Address is not valid.","detail":"","code":"email_invalid",
            "error":"must_be_valid_email_address","source":{"pointer":"/data/attributes/email"}}]}"#,
    );
    assert_eq!(refusal.code.as_deref(), Some("email_invalid"));
    assert_eq!(refusal.pointer.as_deref(), Some("/data/attributes/email"));
    assert_eq!(refusal.detail, None);

    let refusal =
        read(400, r#"{"errors":[{"source":{"parameter":"contactTag.tag"},"code":422,"status":"400"}]}"#);
    assert_eq!(refusal.parameter.as_deref(), Some("contactTag.tag"));
    assert_eq!((refusal.code.as_deref(), refusal.all[0].status), (Some("422"), Some(400)));

    let refusal = read(422, r#"{"errors":[{"title":"x","source":{"type":"pointer","value":"/a"}}]}"#);
    assert_eq!(refusal.pointer.as_deref(), Some("/a"));
}

#[test]
fn refused_import_names_its_rows() {
    let body = r#"{"success":0,"message":"JSON payload did not pass validation.",
        "failureReasons":[{"contact":230,"failureReason":"wrong format"},"Up to 100 imports"]}"#;
    let refusal = read(400, body);
    let reason = |contact, text: &str| Reason { contact, text: text.to_owned() };
    assert_eq!(refusal.reasons, [reason(Some(230), "wrong format"), reason(None, "Up to 100 imports")]);
    assert!(!refusal.is_import_rate());
    assert!(read(400, r#"{"success":0,"message":"Rate limit exceeded."}"#).is_import_rate());
}

#[test]
fn empty_answer_with_error_header_is_refusal() {
    let headers = Headers { ac_error: Some("Code 9001"), ..JSON };
    let refusal = Acknowledgement::Gone.check(200, &headers, b"").expect_err("the header says no");
    assert_eq!((refusal.shape, refusal.code.as_deref()), (Shape::Empty, Some("Code 9001")));
    assert!(refusal.is_disguised());
}

#[test]
fn json_sent_as_html_is_read() {
    let headers = Headers { content_type: Some("text/html; charset=UTF-8"), ac_error: None };
    let body = br#"{"success":1,"queued_contacts":1}"#;
    assert_eq!(Acknowledgement::Success.check(200, &headers, body), Ok(()));
}

#[test]
fn good_status_alone_is_no_success() {
    let check = |acknowledgement: Acknowledgement, body: &str| {
        acknowledgement.check(200, &JSON, body.as_bytes()).is_ok()
    };
    use Acknowledgement::{Gone, Record, Succeeded, Success};
    assert!(check(Success, r#"{"Success":1}"#) && check(Success, r#"{"success":"1"}"#));
    assert!(!check(Success, r#"{"success":0}"#) && !check(Success, "{}") && !check(Success, ""));
    assert!(check(Succeeded, r#"{"succeeded":1}"#) && !check(Succeeded, r#"{"succeeded":0}"#));
    assert!(check(Record("tag"), r#"{"tag":{}}"#) && !check(Record("tag"), r#"{"contact":{}}"#));
    assert!(check(Gone, "{}") && check(Gone, "") && check(Gone, r#"{"message":"deleted."}"#));
    assert!(check(Gone, r#"{"meta":{"success":true}}"#) && !check(Gone, r#"{"meta":{"success":false}}"#));
    assert!(!check(Gone, "<html>") && !check(Gone, r#"{"errors":[]}"#) && !check(Gone, r#"{"succeeded":0}"#));
    assert!(Gone.check(404, &JSON, b"{}").is_err());
}

proptest! {
    #[test]
    fn any_body_is_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in ".{0,40}") {
        refusal(400, &JSON, &bytes);
        let text = serde_json::Value::from(text);
        for body in [
            serde_json::json!({ "errors": text }),
            serde_json::json!({ "errors": [{ "source": text, "status": text }] }),
            serde_json::json!({ "success": 0, "failureReasons": [text, { "contact": text }] }),
        ] {
            refusal(400, &JSON, body.to_string().as_bytes());
        }
    }
}
