//! PDFs that are cut off, flipped or lie about themselves: every one ends in outcomes, none in a panic.

use proptest::prelude::*;

use super::write::{Pdf, jpeg_of, scan_of};
use super::{decoded, outline, parts, picture};

/// A small PDF with a JPEG, a deflated image and a form.
fn document() -> Vec<u8> {
    let mut pdf = Pdf::new();
    let jpeg = pdf.jpeg(80, 70, &jpeg_of(&picture(80, 70)));
    let grey = pdf.image(64, 64, "/ColorSpace /DeviceGray /BitsPerComponent 8", &[90; 64 * 64]);
    let form = pdf.form(&format!("/XObject << /I {grey} 0 R >>"), "/I Do");
    pdf.page(
        "/MediaBox [0 0 200 100]",
        &format!("/XObject << /A {jpeg} 0 R /F {form} 0 R >>"),
        "q 80 0 0 70 10 10 cm /A Do Q q 60 0 0 60 110 10 cm /F Do Q",
    );
    pdf.finish()
}

fn survives(bytes: &[u8]) {
    let parts = parts(bytes);
    assert!(!parts.is_empty());
    for part in &parts {
        let _ = decoded(part);
    }
}

#[test]
fn cut_off() {
    let document = document();
    for eighth in 1..8 {
        survives(&document[..document.len() * eighth / 8]);
    }
}

#[test]
fn forms_and_pages_that_hold_themselves() {
    let mut pdf = Pdf::new();
    // The form is object 3 and draws itself.
    let form = pdf.form("/XObject << /F 3 0 R >>", "/F Do");
    assert_eq!(form, 3);
    pdf.page("/MediaBox [0 0 100 100]", &format!("/XObject << /F {form} 0 R >>"), "/F Do");
    let parts = parts(&pdf.finish());
    assert_eq!(outline(&parts), ["#page=1"]);
    let _ = decoded(&parts[0]);
    survives(&Pdf::new().finish_with("<< /Type /Pages /Count 1 /Kids [2 0 R] >>"));
}

#[test]
fn sides_that_are_stated_and_not_there() {
    let mut pdf = Pdf::new();
    let huge = pdf.image(60_000, 60_000, "/ColorSpace /DeviceGray /BitsPerComponent 8", &[0; 64]);
    pdf.scan(huge, 100, 100, "");
    survives(&pdf.finish());
    let far = String::from_utf8_lossy(&scan_of(&picture(64, 64), "")).replace("[0 0 64 64]", "[0 0 9e30 64]");
    survives(far.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn flipped_bytes(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let mut document = document();
        for (at, value) in flips {
            let at = at.index(document.len());
            document[at] = value;
        }
        survives(&document);
    }
}
