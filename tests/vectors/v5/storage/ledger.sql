BEGIN TRANSACTION;
CREATE TABLE ledger (sequence INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL);
INSERT INTO "ledger" VALUES(3,'{"kind": "rounds-closed", "task_id": 7, "through": 0}');
INSERT INTO "ledger" VALUES(4,'{"cohort": "4fbbd7cfa827894e12f0da1f1db0ada8048bcf26b911343eda4e7f769d644d7f", "kind": "cohort-joined", "members": [{"commitment": "b983fe8310215638edf8e61994da516261b2acb75f6d2b9736e59edab2aabc46", "owner": "e26655afbabc08ec8ff75f792023a175b27e0d863e2ef2d4081998b7eec2139f", "submission": "93508a565eade064e06c851c56d188315ceee90a76c06de6504afabdaa54c67c"}, {"commitment": "044e2682a0f40d77fce7cac037ccb09b534885f677a92e8e8dbc94ec6b083fcf", "owner": "94dd00e4f235043a1352a9350f7d98b8b28b37c9b6262866288cd297491d4aa3", "submission": "a09513338a01d872197fda572e40261fcb026f6852215ac8e47b4e89dfb9f761"}, {"commitment": "2cd235612320d0e02f85105c4915168584daa4026c1ba38688665a70e1b4d097", "owner": "23d2bf89323f7a8ca9e69be8277ee55bf2593aa15a88ce568fcf7bc849464d62", "submission": "32904420ca22de2e9d05fd5f4310a25ecb53d858f76be11a57b1fde28f53744c"}]}');
INSERT INTO "ledger" VALUES(5,'{"head": "000000000000000907f0813ba6689724acd27a6a6164134c1befa5d75eb083b595836b47a3619b25a6c626c1b58fd14e52bd5fefd17262818610c106bfb13b80acf974a9cb768f3b76d3a97354f37b4e80aaa900141ceb9b46a11fffdd8de3efa4064ea8688f2f141b", "kind": "peer-seen", "prover": 3}');
INSERT INTO "ledger" VALUES(6,'{"head": "000000000000000907f0813ba6689724acd27a6a6164134c1befa5d75eb083b595836b47a3619b25a6c626c1b58fd14e52bd5fefd17262818610c106bfb13b80acf974a9cb768f3b76d3a97354f37b4e80aaa900141ceb9b46a11fffdd8de3efa4064ea8688f2f141b", "kind": "head-seen", "prover": 3, "signer": "dbebc7a996e91b7dd442ccc4f3c934555e065951"}');
INSERT INTO "ledger" VALUES(7,'{"attempt": 1, "kind": "attempt-started", "proposal": "ac7e1065adc98767e1d7a9e111e2e6684a9fa98a8ca9eacd871227e1561fc62a", "round_key": "3cdfcaeedbfff3e672bc674585f4173f2afb7b0cfcf4ed53f647cfc477485ff6"}');
INSERT INTO "ledger" VALUES(8,'{"attempt": 2, "kind": "attempt-started", "proposal": "2b717660cff1aff1f60f1b17bc270b91105dc479bb675804b9057591eee356b3", "round_key": "3cdfcaeedbfff3e672bc674585f4173f2afb7b0cfcf4ed53f647cfc477485ff6"}');
INSERT INTO "ledger" VALUES(9,'{"kind": "combined", "proposal": "2b717660cff1aff1f60f1b17bc270b91105dc479bb675804b9057591eee356b3"}');
INSERT INTO "ledger" VALUES(10,'{"kind": "locked", "selection": {"owners": ["e26655afbabc08ec8ff75f792023a175b27e0d863e2ef2d4081998b7eec2139f", "94dd00e4f235043a1352a9350f7d98b8b28b37c9b6262866288cd297491d4aa3"], "submissions": ["93508a565eade064e06c851c56d188315ceee90a76c06de6504afabdaa54c67c", "a09513338a01d872197fda572e40261fcb026f6852215ac8e47b4e89dfb9f761"], "weights": [1, 1]}}');
INSERT INTO "ledger" VALUES(11,'{"kind": "released", "selection": {"owners": ["e26655afbabc08ec8ff75f792023a175b27e0d863e2ef2d4081998b7eec2139f", "94dd00e4f235043a1352a9350f7d98b8b28b37c9b6262866288cd297491d4aa3"], "submissions": ["93508a565eade064e06c851c56d188315ceee90a76c06de6504afabdaa54c67c", "a09513338a01d872197fda572e40261fcb026f6852215ac8e47b4e89dfb9f761"], "weights": [1, 1]}}');
INSERT INTO "ledger" VALUES(12,'{"at": 1700000000, "count": 12, "kind": "restored"}');
INSERT INTO "ledger" VALUES(13,'{"cohort": "dce914fd11d35d42cf8ec766b8676bb0683444c5a6e9865bc23a8104df277c4c", "kind": "cohort-joined", "members": [{"commitment": "cdba4e3b862ca47e74841b4abfbe58bd33171f95505f67f1ffe11b00b6c1538c", "owner": "ae10bcd97483530ae6a0de03cfe556da6ca190420f774dfbb61024b0e8f5030b", "submission": "a7ec75d61425d63345e84ca5686bd110cd0e46834063b5096fa5e6fa8e15d0cb"}]}');
INSERT INTO "ledger" VALUES(14,'{"kind": "rounds-closed", "task_id": 8, "through": 4}');
CREATE TABLE ledger_heads (sequence INTEGER PRIMARY KEY, digest BLOB NOT NULL);
INSERT INTO "ledger_heads" VALUES(1,X'BFB16B69FD68DA6EC7EF6F575882E21E0801CAD4D8C9E3C215EAADD909E2BC0F');
INSERT INTO "ledger_heads" VALUES(2,X'50D05B79328134BE8F3CB7E12B0BFDDB73BAE5E0B0AFA3AB9B3C333DA8142849');
CREATE TABLE ledger_rounds (
  sequence INTEGER PRIMARY KEY, task_id TEXT NOT NULL, round TEXT NOT NULL, noted INTEGER NOT NULL
);
INSERT INTO "ledger_rounds" VALUES(4,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(5,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(7,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(8,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(9,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(10,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(11,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(13,'7','1',1700000000);
INSERT INTO "ledger_rounds" VALUES(14,'7','1',1700000000);
CREATE TABLE shares (
  submission BLOB PRIMARY KEY, task_id TEXT NOT NULL, round TEXT NOT NULL, owner BLOB NOT NULL,
  dimension INTEGER NOT NULL, form INTEGER NOT NULL, bytes INTEGER NOT NULL, expires INTEGER NOT NULL,
  scalars BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX shares_by_owner ON shares (task_id, round, owner);
CREATE INDEX ledger_rows_by_round ON ledger_rounds (task_id, round);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('ledger',14);
COMMIT;
PRAGMA user_version=4;
