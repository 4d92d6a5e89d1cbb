"""FOCUS 1.2: the columns of a cost and usage dataset, as one table that everything else reads.

Checked against the text of the FinOps Open Cost and Usage Specification, tag v1.2 of its repository (30 May 2025,
CC BY 4.0): `specification/columns/*.md` for name, data type, feature level, "Allows nulls" and allowed values, and
`specification/attributes/*.md` for date/time, numeric, currency, key-value, unit and null handling. What a row must
hold beyond its columns is in `focus_rules`; what a file looks like in `focus_csv`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from typing import Literal

from breakeven.schema.noun import Noun

VERSION = "1.2"
CUSTOM = "x_"
"""What the name of a column that FOCUS does not define starts with."""

Kind = Literal["String", "Decimal", "Date/Time", "JSON"]
Level = Literal["Mandatory", "Conditional", "Recommended", "Custom"]
Cell = str | Decimal | datetime | None
"""One value: text and JSON as `str`, times as aware UTC `datetime`, None is null."""
Row = dict[str, Cell]
EXACT = Context(prec=50)
"""Arithmetic that rounds no sum of pico-dollars and no price times a quantity that matters."""


class Column(Noun, frozen=True, kw_only=True):
    """One column of the specification, or of ours; `about` says what breakeven writes into it."""

    name: str
    kind: Kind
    level: Level
    nullable: bool = True
    allowed: tuple[str, ...] = ()
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of a dataset; every row holds exactly `columns`."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


SUBCATEGORIES: dict[str, tuple[str, ...]] = {
    "AI and Machine Learning": (
        "AI Platforms",
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
    ),
    "Analytics": (
        "Analytics Platforms",
        "Business Intelligence",
        "Data Processing",
        "Search",
        "Streaming Analytics",
    ),
    "Business Applications": ("Productivity and Collaboration",),
    "Compute": ("Containers", "End User Computing", "Quantum Compute", "Serverless Compute", "Virtual Machines"),
    "Databases": (
        "Caching",
        "Data Warehouses",
        "Ledger Databases",
        "NoSQL Databases",
        "Relational Databases",
        "Time Series Databases",
    ),
    "Developer Tools": (
        "Developer Platforms",
        "Continuous Integration and Deployment",
        "Development Environments",
        "Source Code Management",
        "Quality Assurance",
    ),
    "Identity": ("Identity and Access Management",),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms"),
    "Management and Governance": (
        "Architecture",
        "Compliance",
        "Cost Management",
        "Data Governance",
        "Disaster Recovery",
        "Endpoint Management",
        "Observability",
        "Support",
    ),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality"),
    "Migration": ("Data Migration", "Resource Migration"),
    "Mobile": (),
    "Multicloud": ("Multicloud Integration",),
    "Networking": (
        "Application Networking",
        "Content Delivery",
        "Network Connectivity",
        "Network Infrastructure",
        "Network Routing",
        "Network Security",
    ),
    "Security": ("Secret Management", "Security Posture Management", "Threat Detection and Response"),
    "Storage": ("Backup Storage", "Block Storage", "File Storage", "Object Storage", "Storage Platforms"),
    "Web": ("Application Platforms",),
    "Other": (),
}
"""Allowed service categories and their subcategories; each category also has "Other (<category>)"."""

CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
_SUB = tuple(name for category, names in SUBCATEGORIES.items() for name in (*names, f"Other ({category})"))


def _mandatory(kind: Kind, name: str, about: str, *, nullable: bool = False, allowed: Iterable[str] = ()) -> Column:
    return Column(name=name, kind=kind, level="Mandatory", nullable=nullable, allowed=tuple(allowed), about=about)


def _more(kind: Kind, name: str, about: str, *, level: Level = "Conditional", allowed: Iterable[str] = ()) -> Column:
    nullable = name not in {"ChargeFrequency", "ServiceSubcategory"}
    return Column(name=name, kind=kind, level=level, nullable=nullable, allowed=tuple(allowed), about=about)


def _own(kind: Kind, name: str, about: str) -> Column:
    return Column(name=name, kind=kind, level="Custom", about=about)


COLUMNS: tuple[Column, ...] = (
    _mandatory("Decimal", "BilledCost", "what an invoice is based on: API charges and rent; 0 for owned capacity"),
    _mandatory("String", "BillingAccountId", "the account the caller names"),
    _mandatory("String", "BillingAccountName", "its display name, if it has one", nullable=True),
    _mandatory("String", "BillingCurrency", "USD for the ledger, the study's currency for a plan"),
    _mandatory("Date/Time", "BillingPeriodEnd", "start of the next calendar month, UTC, exclusive"),
    _mandatory("Date/Time", "BillingPeriodStart", "start of the calendar month, UTC"),
    _mandatory("String", "ChargeCategory", "Usage; Purchase; Credit for a saving", allowed=CATEGORIES),
    _mandatory("String", "ChargeClass", "null: no bill is corrected", nullable=True, allowed=["Correction"]),
    _mandatory("String", "ChargeDescription", "the row in one sentence", nullable=True),
    _mandatory("Date/Time", "ChargePeriodEnd", "end of the day or month, exclusive"),
    _mandatory("Date/Time", "ChargePeriodStart", "start of the day or month, UTC"),
    _mandatory("Decimal", "ContractedCost", "as ListCost: compiled prices are the contracted ones"),
    _mandatory("Decimal", "EffectiveCost", "the charge, or the share of capacity that is used up"),
    _mandatory("String", "InvoiceIssuerName", "who sends the invoice; the owner for owned capacity"),
    _mandatory("Decimal", "ListCost", "ListUnitPrice x PricingQuantity"),
    _mandatory("Decimal", "PricingQuantity", "how many pricing units", nullable=True),
    _mandatory("String", "PricingUnit", "Tokens, Replica-Seconds, Seconds, Predictions or Months", nullable=True),
    _mandatory("String", "ProviderName", "who sells the capacity or the tokens"),
    _mandatory("String", "PublisherName", "who produces them"),
    _mandatory("String", "ServiceCategory", "AI and Machine Learning", allowed=SUBCATEGORIES),
    _mandatory("String", "ServiceName", "Inference API, Inference capacity, Gateway, or Plan"),
    _more("String", "ChargeFrequency", "Usage-Based; Recurring for idle capacity; One-Time for a purchase",
          level="Recommended", allowed=("One-Time", "Recurring", "Usage-Based")),
    _more("Decimal", "ConsumedQuantity", "what was used of it; 0 for idle capacity"),
    _more("String", "ConsumedUnit", "as PricingUnit"),
    _more("Decimal", "ContractedUnitPrice", "as ListUnitPrice"),
    _more("Decimal", "ListUnitPrice", "price of a replica-second; blended price of the row's tokens"),
    _more("String", "PricingCategory", "Standard; Other for owned capacity",
          allowed=("Standard", "Dynamic", "Committed", "Other")),
    _more("String", "RegionId", "the region the caller names"),
    _more("String", "RegionName", "the same"),
    _more("String", "ResourceId", "the deployment"),
    _more("String", "ResourceName", "the option's title in a plan; the ledger keeps none"),
    _more("String", "ResourceType", "Deployment, or Option in a plan"),
    _more("String", "ServiceSubcategory", "Generative AI or AI Platforms", level="Recommended", allowed=_SUB),
    _more("String", "SkuId", "the catalog offer, else the deployment; the line of a plan"),
    _more("String", "SkuPriceId", "the catalog entry that priced it, with its date; SkuId where none is known"),
    _more("JSON", "Tags", "use_case and tenant"),
    _own("String", "x_cost_kind",
         "charge, work, idle, over_attributed, measured_work; planned, one_off, depreciation, purchase, resale; "
         "saving"),
    _own("String", "x_use_case", "the use case; `unattributed` for idle that nobody's work explains"),
    _own("String", "x_tenant", "the tenant"),
    _own("String", "x_model", "the model; the client's where the deployment names none"),
    _own("String", "x_option", "the deployment, or the option of a plan"),
    _own("String", "x_placement", "where it runs"),
    _own("String", "x_policy_id", "the policy in force"),
    _own("String", "x_basis", "the weakest basis of the cost: measured, fitted, derived, assumed, unknown"),
    _own("Decimal", "x_predictions", "predictions; once per group, on its first row"),
    _own("Decimal", "x_useful_predictions", "useful ones; null where not measurable"),
    _own("Decimal", "x_unpriced_predictions", "those of x_predictions that have no price and no part in the cost"),
    _own("Decimal", "x_emulated_predictions", "those of x_predictions that an emulator answered"),
    _own("Decimal", "x_tokens_input", "input tokens served"),
    _own("Decimal", "x_tokens_output", "output tokens served"),
    _own("Decimal", "x_kwh", "energy of the work; null where unknown"),
    _own("Decimal", "x_gco2", "location-based grams of CO2 equivalent of that energy; null where unknown"),
)  # fmt: skip
"""The 21 mandatory columns, the further ones that breakeven fills, and its own; FOCUS columns come first."""

_UNFILLED: dict[Kind, tuple[str, ...]] = {
    "String": (
        "AvailabilityZone",
        "BillingAccountType",
        "CapacityReservationId",
        "CapacityReservationStatus",
        "CommitmentDiscountCategory",
        "CommitmentDiscountId",
        "CommitmentDiscountName",
        "CommitmentDiscountStatus",
        "CommitmentDiscountType",
        "CommitmentDiscountUnit",
        "InvoiceId",
        "PricingCurrency",
        "SkuMeter",
        "SubAccountId",
        "SubAccountName",
        "SubAccountType",
    ),
    "Decimal": (
        "CommitmentDiscountQuantity",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "PricingCurrencyListUnitPrice",
    ),
    "JSON": ("SkuPriceDetails",),
}
"""FOCUS 1.2 columns that a provider's file may hold and breakeven does not write."""

KNOWN: dict[str, Column] = {column.name: column for column in COLUMNS} | {
    name: Column(name=name, kind=kind, level="Conditional") for kind, names in _UNFILLED.items() for name in names
}
"""Every column of FOCUS 1.2, and ours, by name."""

MANDATORY = tuple(column.name for column in COLUMNS if column.level == "Mandatory")
NAMES = tuple(column.name for column in COLUMNS)


def total(rows: Iterable[Row], column: str = "EffectiveCost") -> Decimal:
    """The exact sum of a decimal column; null counts as nothing."""
    found = Decimal(0)
    for row in rows:
        value = row.get(column)
        if isinstance(value, Decimal):
            found = EXACT.add(found, value)
    return found


def join(tables: Iterable[Table]) -> Table:
    """Several tables in one; a column that a table lacks is null in its rows."""
    parts = tuple(tables)
    columns = tuple(dict.fromkeys(name for part in parts for name in part.columns))
    rows = tuple({name: row.get(name) for name in columns} for part in parts for row in part.rows)
    return Table(columns=columns, rows=rows)


def column_table() -> str:
    """The columns as a Markdown table, for the documentation."""
    head = ("| column | type | level | null | what breakeven writes |", "|---|---|---|---|---|")
    rows = [
        f"| {one.name} | {one.kind} | {one.level} | {'yes' if one.nullable else 'no'} | {one.about} |"
        for one in COLUMNS
    ]
    return "\n".join((*head, *rows)) + "\n"
