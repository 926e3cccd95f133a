"""Pages of one HTML file each, with plots inlined. Needs the extra `report`."""
