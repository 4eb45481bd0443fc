//! Letter-size pages: bills and statements. Much text, no portrait.

use super::Sheet;
use super::security::{self, Emblem};
use crate::canvas::{Canvas, Color};
use crate::person::Person;
use crate::rng::Rng;
use crate::text::{self, Font, Style};

/// A4 at about 106 dots an inch.
pub(super) const SIZE: (usize, usize) = (880, 1244);

const INK: Color = [34, 36, 40];
const SOFT: Color = [112, 116, 124];

/// The two page templates differ in issuer, colours and what they list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Issuer {
    name: &'static str,
    slogan: &'static str,
    color: Color,
    pale: Color,
    emblem: Emblem,
    font: Font,
    bold: Font,
}

pub(super) const UTILITY: Issuer = Issuer {
    name: "Aquavel Waterworks",
    slogan: "Clean water for the Belona region since 1911",
    color: [22, 112, 160],
    pale: [226, 240, 248],
    emblem: Emblem::Drop,
    font: Font::Sans,
    bold: Font::Bold,
};

pub(super) const BANK: Issuer = Issuer {
    name: "Banca Tarquina",
    slogan: "Member of the Orlo clearing house · authorised in Tarquinia",
    color: [120, 34, 48],
    pale: [246, 236, 232],
    emblem: Emblem::Columns,
    font: Font::Serif,
    bold: Font::SerifBold,
};

const PROSE: [&str; 7] = [
    "Amounts are due within fourteen days of the date of this letter. Please state your customer number with",
    "every payment. Readings marked with an asterisk are estimated from the previous period and are corrected",
    "with the next reading. Complaints about this letter are accepted in writing within eight weeks; until then",
    "the amount remains payable. Our general terms, price list and quality reports are found at our offices and",
    "are sent free of charge on request. Report a change of address or of the account holder without delay, so",
    "that your documents reach you. This letter was produced by machine and is valid without a signature.",
    "Service line: 0800 555 0133, on working days from 8 to 18. Keep this letter for at least two years.",
];

impl Issuer {
    fn is_bank(&self) -> bool {
        matches!(self.emblem, Emblem::Columns)
    }

    pub(super) fn background(&self) -> Canvas {
        let (w, h) = SIZE;
        let mut canvas = Canvas::new(w, h, [252, 252, 250]);
        let style = |size, color| Style::new(self.font, size, color);
        if self.is_bank() {
            security::emblem(&mut canvas, self.emblem, (96.0, 84.0), 40.0, self.color, 1.0);
            text::draw(&mut canvas, Style::new(self.bold, 38, self.color), (156.0, 92.0), self.name);
            text::draw(&mut canvas, style(13, SOFT), (158.0, 116.0), self.slogan);
            canvas.rect([60, 142, 820, 145], self.color, 1.0);
        } else {
            canvas.rect([0, 0, 880, 120], self.pale, 1.0);
            canvas.rect([0, 118, 880, 122], self.color, 1.0);
            security::emblem(&mut canvas, self.emblem, (786.0, 62.0), 44.0, self.color, 1.0);
            text::draw(&mut canvas, Style::new(self.bold, 34, self.color), (60.0, 66.0), self.name);
            text::draw(&mut canvas, style(14, SOFT), (62.0, 94.0), self.slogan);
        }
        text::draw(
            &mut canvas,
            style(10, SOFT),
            (60.0, 182.0),
            "If undeliverable return to P.O. Box 4410, 20117 Belona",
        );
        let labels = if self.is_bank() {
            ["Account holder", "Account number", "Statement period", "Date", "Branch"]
        } else {
            ["Customer number", "Meter number", "Billing period", "Invoice date", "Due date"]
        };
        canvas.rect([520, 190, 824, 340], self.pale, 1.0);
        for (i, label) in labels.iter().enumerate() {
            text::draw(&mut canvas, style(13, SOFT), (534.0, 216.0 + i as f32 * 27.0), label);
        }
        let title = if self.is_bank() { "Statement of account" } else { "Water and wastewater bill" };
        text::draw(&mut canvas, Style::new(self.bold, 26, INK), (60.0, 400.0), title);
        let (top, rows) = (440, if self.is_bank() { 17 } else { 8 });
        canvas.rect([60, top, 820, top + 30], self.color, 1.0);
        let heads: [(&str, f32); 4] = if self.is_bank() {
            [("Date", 70.0), ("Description", 170.0), ("Amount", 620.0), ("Balance", 740.0)]
        } else {
            [("Item", 70.0), ("Quantity", 390.0), ("Price", 560.0), ("Amount", 740.0)]
        };
        for (head, x) in heads {
            text::draw(&mut canvas, Style::new(self.bold, 15, [250; 3]), (x, top as f32 + 21.0), head);
        }
        for row in 0..rows {
            let y = top + 30 + row * 30;
            if row % 2 == 1 {
                canvas.rect([60, y, 820, y + 30], self.pale, 0.8);
            }
            canvas.rect([60, y + 29, 820, y + 30], [200; 3], 1.0);
        }
        let bottom = 1010.0;
        for (i, line) in PROSE.iter().enumerate() {
            text::draw(&mut canvas, style(13, SOFT), (60.0, bottom + 40.0 + i as f32 * 19.0), line);
        }
        canvas.rect([60, 1196, 820, 1197], self.color, 1.0);
        let foot = "Registered in Belona HRB 40 117  ·  VAT TQ 551 330 981  ·  page 1 of 2";
        text::draw_centered(&mut canvas, style(11, SOFT), 440.0, 1216.0, foot);
        canvas.grain(2.0, 9);
        canvas
    }

    pub(super) fn print(&self, sheet: &mut Sheet, person: &Person) {
        let mut rng = Rng::new(person.seed, 0x7061_6765 + u64::from(self.is_bank()));
        let style = Style::new(self.font, 17, INK);
        let name = format!("{} {}", person.given, person.surname);
        for (i, line) in [&name, &person.street, &person.town].into_iter().enumerate() {
            sheet.field(style, (60.0, 214.0 + i as f32 * 26.0), line);
        }
        let account = format!("{} {} {}", rng.digits(4), rng.digits(4), rng.digits(3));
        let month = rng.int(1, 12);
        let year = rng.int(2017, 2022);
        let values = if self.is_bank() {
            [
                person.surname.clone(),
                format!("TQ{} {}", rng.digits(2), account),
                format!("{month:02}/{year}"),
                format!("28.{month:02}.{year}"),
                person.town.split(' ').nth(1).unwrap_or("Belona").to_owned(),
            ]
        } else {
            [
                account,
                format!("{}-{}", rng.letters(2), rng.digits(7)),
                format!("01.{month:02}. - 28.{month:02}.{year}"),
                format!("{:02}.{:02}.{year}", rng.int(1, 28), month),
                format!("{:02}.{:02}.{year}", rng.int(1, 28), month % 12 + 1),
            ]
        };
        for (i, value) in values.iter().enumerate() {
            sheet.field(Style::new(self.bold, 14, INK), (664.0, 216.0 + i as f32 * 27.0), value);
        }
        if self.is_bank() { self.movements(sheet, &mut rng) } else { self.items(sheet, &mut rng) }
    }

    fn row(&self, sheet: &mut Sheet, row: usize, cells: [&str; 2], amounts: [&str; 2]) {
        let y = 490.0 + row as f32 * 30.0;
        let style = Style::new(self.font, 15, INK);
        text::draw(&mut sheet.canvas, style, (70.0, y), cells[0]);
        text::draw(&mut sheet.canvas, style, (if self.is_bank() { 170.0 } else { 390.0 }, y), cells[1]);
        let right = if self.is_bank() { [690.0, 806.0] } else { [620.0, 806.0] };
        for (amount, right) in amounts.into_iter().zip(right) {
            let area = text::draw_right(&mut sheet.canvas, style, right, y, amount);
            sheet.layout.fields.push(area);
        }
    }

    fn items(&self, sheet: &mut Sheet, rng: &mut Rng) {
        const ITEMS: [&str; 8] = [
            "Drinking water, household",
            "Wastewater",
            "Base charge",
            "Meter rental",
            "Rain water, sealed area",
            "Levy for springs",
            "Previous balance",
            "Value added tax",
        ];
        let mut total = 0;
        for (i, item) in ITEMS.iter().enumerate() {
            let (count, price) = (rng.int(1, 60), rng.int(40, 900));
            total += count * price;
            let quantity = format!("{count} {}", if i < 2 { "m³" } else { "units" });
            self.row(sheet, i, [item, &quantity], [&money(price), &money(count * price)]);
        }
        let bold = Style::new(self.bold, 20, INK);
        text::draw(&mut sheet.canvas, bold, (480.0, 766.0), "Amount due");
        let area = text::draw_right(&mut sheet.canvas, bold, 806.0, 766.0, &money(total));
        sheet.layout.fields.push(area);
        text::draw(
            &mut sheet.canvas,
            Style::new(self.font, 13, SOFT),
            (60.0, 806.0),
            "Your consumption, last 12 months (m³)",
        );
        let (color, mut peak) = (self.color, rng.range(0.4, 0.8));
        for bar in 0..12 {
            peak = (peak + rng.range(-0.3, 0.3)).clamp(0.15, 1.0);
            let x = 70 + bar * 61;
            sheet.canvas.rect([x, 1000 - (170.0 * peak) as i32, x + 40, 1000], color, 0.85);
        }
        sheet.canvas.rect([60, 1000, 820, 1002], INK, 0.8);
        sheet.layout.fields.push([60.0, 820.0, 820.0, 1002.0]);
    }

    fn movements(&self, sheet: &mut Sheet, rng: &mut Rng) {
        const PAYEES: [&str; 14] = [
            "Salary Karhaven Logistics",
            "Card payment Belmora Market",
            "Standing order rent",
            "Cash machine Station Sq.",
            "Direct debit Aquavel",
            "Card payment Fuel & Go",
            "Transfer to savings",
            "Insurance Lunstad Mutual",
            "Mobile phone Telora",
            "Refund Steinfield Outlet",
            "Card payment Pharmacy",
            "Transport pass",
            "Card payment Restaurant Osona",
            "Interest",
        ];
        let mut balance = rng.int(20_000, 900_000);
        let rows = rng.int(9, 16) as usize;
        let mut day = 1;
        for row in 0..rows {
            day = (day + rng.int(0, 3)).min(28);
            let amount = if rng.chance(0.2) { rng.int(5_000, 300_000) } else { -rng.int(300, 60_000) };
            balance += amount;
            let payee = format!("{}  {}", rng.pick(&PAYEES), rng.digits(6));
            self.row(sheet, row, [&format!("{day:02}"), &payee], [&money(amount), &money(balance)]);
        }
        let style = Style::new(self.bold, 17, INK);
        text::draw(&mut sheet.canvas, style, (480.0, 1010.0), "Closing balance");
        let area = text::draw_right(&mut sheet.canvas, style, 806.0, 1010.0, &money(balance));
        sheet.layout.fields.push(area);
    }
}

fn money(cents: i32) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, rest) = (cents.abs() / 100, cents.abs() % 100);
    if whole >= 1000 {
        format!("{sign}{}'{:03}.{rest:02}", whole / 1000, whole % 1000)
    } else {
        format!("{sign}{whole}.{rest:02}")
    }
}
