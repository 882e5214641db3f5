"""Records in files that other tools write: tables, Salesforce's sObject trees, and SFDMU's folders of CSV files."""
