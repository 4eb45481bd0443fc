use saltprint_fingerprint::{Coder, Profile, GlobalCode};
use saltprint_index::*;
use saltprint_keys::*;
use std::path::Path;
use std::io::Write;
fn main() {
    let d = std::env::args().nth(1).unwrap();
    let d = Path::new(&d);
    let ik = IndexKey::load_from_dir(&d.join("keys")).unwrap();
    let pk = ProjectionKey::load_from_dir(&d.join("keys")).unwrap();
    let dir = IndexDir::new(d.join("index"));
    let m = dir.manifest(&ik).unwrap().unwrap();
    let coder = Coder::new(&Profile::open(&pk, &dir.read_profile(m.epoch).unwrap()).unwrap(), &pk);
    let g = dir.open(&ik, m.epoch).unwrap();
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut emit = |label: &str, own: Option<&IndexHit>, codes: &[GlobalCode]| {
        let near = g.scan(codes, 40, 256).unwrap();
        // merge orientations
        let mut best = std::collections::HashMap::new();
        for n in &near { for h in n.hits() { let e = best.entry((h.segment,h.row)).or_insert(h.distance); *e = (*e).min(h.distance); } }
        let mut v: Vec<(u32,(u32,u32))> = best.into_iter().map(|(k,d)|(d,k)).collect(); v.sort();
        let mut hits: Vec<IndexHit> = v.iter().map(|(d,k)| g.resolve(&Hit{distance:*d,segment:k.0,row:k.1}).unwrap()).collect();
        if let Some(o) = own { hits.retain(|h| o.is_rival_of(h)); }
        let first = hits[0].clone();
        let mut ds = vec![first.distance];
        ds.extend(hits[1..].iter().filter(|h| h.is_rival_of(&first)).map(|h| h.distance).take(24));
        writeln!(out, "{label},{},{}", first.record_ref, ds.iter().map(|d| d.to_string()).collect::<Vec<_>>().join(",")).unwrap();
    };
    for s in g.segments() { for row in 0..s.len() {
        let r = s.record_ref(row).unwrap();
        let cal = r.as_bytes()[15] & 1 == 0;
        let own = IndexHit { record_ref: r, distance: 0, facts: s.facts(row).unwrap() };
        emit(&format!("{},{}", if cal {"cal"} else {"bg"}, own.facts.kind.clone().unwrap_or_default()), Some(&own), &[s.code(row).unwrap()]);
    }}
    let mut names: Vec<_> = std::fs::read_dir(d.join("leak")).unwrap().map(|e| e.unwrap().path()).collect(); names.sort();
    for p in names {
        let b = std::fs::read(&p).unwrap();
        let img = saltprint_intake::decode(&b, &saltprint_intake::Limits::default()).unwrap();
        let Ok(q) = coder.query(&img) else { continue };
        emit(&format!("leak,{}", p.file_name().unwrap().to_string_lossy()), None, q.codes());
    }
}
